"""`tagcast home`: what lies in the home, and what of it is deleted."""

from __future__ import annotations

import click

from tagcast.pipelines.cli.groups import Invocation, ProjectGroup
from tagcast.pipelines.cli.options import needs
from tagcast.pipelines.cli.upkeep.home_tables import render_home, render_swept
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.retention.home_report import home_report
from tagcast.pipelines.retention.sweep import sweep_project


@click.group(cls=ProjectGroup, invoke_without_command=True)
@click.pass_context
def home(ctx: click.Context) -> None:
    """Show what lies in the home, how fast it grows, and delete what is kept no longer.

    \b
    Example:
      tagcast home
      tagcast home prune --dry-run
    """
    if ctx.invoked_subcommand is None:
        with show.make_context("show", [], parent=ctx) as alone:
            show.invoke(alone)


@home.command()
@needs("operate")
def show(invocation: Invocation) -> None:
    """Show each kind of what lies in the home: size, age, what a night adds, how long it stays; and how full the disk is.

    \b
    Example:
      tagcast home show
      tagcast home show --json
    """
    report = home_report(invocation.project())
    invocation.answer(report.to_dict(), lambda: render_home(report))


@home.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@needs("operate")
def prune(invocation: Invocation, dry_run: bool) -> None:
    """Delete what [keep] and [publish] of the configuration keep no longer, as each tagcast run due does at its end.

    What a published run, a model in use or a judgement to come needs stays in any case.

    \b
    Example:
      tagcast home prune --dry-run
      tagcast home prune
    """
    swept = sweep_project(invocation.project(), clock(), dry_run=dry_run)
    invocation.answer({**swept.to_dict(), "dry_run": dry_run}, lambda: render_swept(swept, dry_run=dry_run))
