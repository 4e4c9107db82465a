"""`tagcast profile`: one profile."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import click

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.home.replaced_files import replacing
from tagcast.features.core.messages import as_values, language_of, msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.pipelines.cli.groups import Invocation, ProjectGroup, pass_invocation
from tagcast.pipelines.cli.options import Day, needs, purpose_option
from tagcast.pipelines.profiles import look_up, profile_on
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.profile import render_profile, render_profile_on, render_receipt
from tagcast.pipelines.reports.terminal import say


@click.group(cls=ProjectGroup)
def profile() -> None:
    """Look up one profile, export all that is known of it, erase it.

    \b
    Example:
      tagcast profile show 1228
      tagcast profile export 1228 --to 1228.json
      tagcast profile erase 1228 --reason "asked for on 2017-12-02"
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
        then = profile_on(
            invocation.project(), invocation.person, profile_id, on, clock(), invocation.seen, visible
        )
        invocation.answer(then, lambda: render_profile_on(then))
        return
    view = look_up(invocation.project(), invocation.person, profile_id, clock(), invocation.seen, visible)
    invocation.answer(view, lambda: render_profile(view))


@profile.command()
@click.argument("profile_id")
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; default: standard output.",
)
@purpose_option
@pass_invocation
def export(invocation: Invocation, profile_id: str, to: Path | None) -> None:
    """Export all that is known of one profile as JSON, each part with what it is.

    \b
    Example:
      tagcast profile export 1228 --to 1228.json
    """
    from tagcast.pipelines.privacy.export import export_profile

    invocation.allowed("erase")
    found = export_profile(invocation.project(), profile_id, by=invocation.person, now=clock())
    text = json.dumps(as_values(found, language_of()), default=str, ensure_ascii=False, indent=2)
    if to is None:
        print(text)
        return
    try:
        with replacing(to) as aside:
            aside.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise TagcastError(
            msg("{file} cannot be written: {reason}", file=to, reason=reason_of(error)),
            hint=msg("check the folder, its rights and the free space"),
        ) from error
    counts: dict[str, Any] = {name: len(part["rows"]) for name, part in found["sections"].items()}
    invocation.answer({"file": str(to), "rows": counts}, lambda: say(msg("written to {file}", file=to)))


@profile.command()
@click.argument("profile_ids", nargs=-1)
@click.option(
    "--from",
    "listed",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with further ids, one a line.",
)
@click.option("--reason", default="", help="Why; it is kept with the receipt, and should name nobody.")
@pass_invocation
def erase(invocation: Invocation, profile_ids: tuple[str, ...], listed: Path | None, reason: str) -> None:
    """Erase profiles from everything that is kept, and from every load to come.

    Models stay as they were trained: the receipt says when, and training anew ends that.

    \b
    Example:
      tagcast profile erase 1228 --reason "asked for on 2017-12-02"
      tagcast profile erase --from requests.txt
    """
    from tagcast.pipelines.privacy.erase import erase as erase_profiles

    invocation.allowed("erase")
    ids = [*profile_ids, *(_lines(listed) if listed else ())]
    receipt = erase_profiles(invocation.project(), ids, by=invocation.person, reason=reason, now=clock())
    invocation.answer(receipt.to_json(), lambda: render_receipt(receipt))


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise TagcastError(
            msg("{file} cannot be read: {reason}", file=file, reason=reason_of(error)),
            hint=msg("give a text file in UTF-8 with one id a line"),
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip()]
