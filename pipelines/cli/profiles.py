"""`tagcast profile`: one profile."""

from __future__ import annotations

from datetime import date

import click

from tagcast.pipelines.cli.groups import Invocation, ProjectGroup
from tagcast.pipelines.cli.options import Day, needs, purpose_option
from tagcast.pipelines.profiles import look_up, profile_on
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.profile import render_profile, render_profile_on


@click.group(cls=ProjectGroup)
def profile() -> None:
    """Look up one profile.

    \b
    Example:
      tagcast profile show 1228
    """


@profile.command()
@click.argument("profile_id")
@click.option(
    "--on",
    type=Day(),
    help="What was predicted at the end of this day (UTC); default: what is predicted now.",
)
@purpose_option
@needs("profiles")
def show(invocation: Invocation, profile_id: str, on: date | None) -> None:
    """Show one profile: its tags, confidence, reasons and key features.

    \b
    Example:
      tagcast profile show 1228
      tagcast profile show 1228 --on 2017-11-30
      tagcast profile show 1228 --purpose "complaint 2017/318"
    """
    visible = invocation.visible_columns
    if on is not None:
        then = profile_on(invocation.project(), invocation.person, profile_id, on, clock(), visible)
        invocation.answer(then, lambda: render_profile_on(then))
        return
    view = look_up(invocation.project(), invocation.person, profile_id, clock(), visible)
    invocation.answer(view, lambda: render_profile(view))
