"""`tagcast audience save`, `list` and `delete`: filters kept under a name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from tagcast.pipelines.cli.audiences import audience, with_context
from tagcast.pipelines.cli.main import project_options


@audience.command("save")
@click.argument("name")
@click.argument("text", metavar="FILTER")
@click.option("--description", default="")
@click.option(
    "--frozen", is_flag=True, help="Keep who is in it now; default: the filter is asked anew each time."
)
@project_options
def save(
    config: Path | None,
    home: Path | None,
    as_json: bool,
    name: str,
    text: str,
    description: str,
    frozen: bool,
) -> None:
    """Keep FILTER under NAME, for others and as a condition: IN AUDIENCE 'NAME'.

    \b
    Example:
      tagcast audience save loyal "high_value = 'yes' AND churn_risk = 'no'" --description "for the spring letter"
      tagcast audience save "spring letter" "IN AUDIENCE 'loyal'" --frozen
    """
    from dataclasses import asdict

    from tagcast.pipelines.reports.audiences import render_saved
    from tagcast.pipelines.reports.terminal import emit
    from tagcast.serving.audiences.saved_audience_actions import save

    context, person = with_context(config, home)
    kind: Literal["frozen", "dynamic"] = "frozen" if frozen else "dynamic"
    found = save(context, person, name, text, description=description, kind=kind)
    emit(asdict(found), as_json=as_json, render=lambda: render_saved([found]))


@audience.command("list")
@project_options
def list_saved(config: Path | None, home: Path | None, as_json: bool) -> None:
    """List the saved audiences.

    \b
    Example:
      tagcast audience list
    """
    from dataclasses import asdict

    from tagcast.pipelines.reports.audiences import render_saved
    from tagcast.pipelines.reports.terminal import emit
    from tagcast.registry.governance.saved_audiences import all_saved

    context, _ = with_context(config, home)
    found = all_saved(context.state)
    emit([asdict(a) for a in found], as_json=as_json, render=lambda: render_saved(found))


@audience.command("delete")
@click.argument("name")
@project_options
def delete(config: Path | None, home: Path | None, as_json: bool, name: str) -> None:
    """Delete a saved audience; one that others name has to leave their filters first.

    \b
    Example:
      tagcast audience delete loyal
    """
    from tagcast.pipelines.reports.terminal import emit, say
    from tagcast.serving.audiences.saved_audience_actions import delete

    context, person = with_context(config, home)
    delete(context, person, name)
    emit({"deleted": name}, as_json=as_json, render=lambda: say(f"the audience {name!r} is deleted"))


COMMANDS = (audience,)
