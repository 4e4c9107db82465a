"""`tagcast audience`: audiences that are saved, how they change, whose they are, and what was exported."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import reason_of
from tagcast.pipelines.cli.audiences.questions import audience
from tagcast.pipelines.cli.groups import Invocation, pass_invocation
from tagcast.pipelines.cli.options import purpose_option
from tagcast.pipelines.reports.audiences.saved import (
    render_change,
    render_edits,
    render_exports,
    render_list,
    render_saved,
)
from tagcast.pipelines.reports.terminal import say, table
from tagcast.serving.audiences.over_time import team
from tagcast.serving.audiences.over_time.changes import changed_members, membership_change
from tagcast.serving.audiences.over_time.edits import edits
from tagcast.serving.audiences.over_time.id_lists import read_ids, save_list
from tagcast.serving.audiences.over_time.words import cause_words
from tagcast.serving.audiences.saved_audience_actions import delete as delete_audience
from tagcast.serving.audiences.saved_audience_actions import listed as listed_for
from tagcast.serving.audiences.saved_audience_actions import save as save_audience
from tagcast.serving.delivery.exports_on_record import exports_on_record

__all__ = ["audience"]


@audience.command()
@click.argument("name")
@click.argument("text", metavar="[FILTER]", required=False)
@click.option("--description", default="")
@click.option(
    "--frozen", is_flag=True, help="Keep who is in it now; default: the filter is evaluated each time."
)
@click.option(
    "--ids",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="In place of FILTER: a file with an id a line, or a CSV file with the ids in its first column.",
)
@pass_invocation
def save(
    invocation: Invocation, name: str, text: str | None, description: str, frozen: bool, ids: Path | None
) -> None:
    """Save FILTER, or a list of ids, as NAME, for others and as a condition: IN AUDIENCE 'NAME'.

    \b
    Example:
      tagcast audience save loyal "high_value = 'yes' AND churn_risk = 'no'" --description "for the spring letter"
      tagcast audience save "spring letter" "IN AUDIENCE 'loyal'" --frozen
      tagcast audience save "from the shop" --ids customers.csv
    """
    if (text is None) == (ids is None) or (ids is not None and frozen):
        raise click.UsageError("give either FILTER, with --frozen or without, or --ids FILE")
    context = invocation.context()
    if ids is not None:
        profiles = context.settings.profiles
        given = read_ids(_text_of(ids), profiles.key if profiles else "")
        listed = save_list(context, invocation.person, name, given, description=description)
        invocation.answer(asdict(listed), lambda: render_list(listed))
        return
    kind: Literal["frozen", "dynamic"] = "frozen" if frozen else "dynamic"
    found = save_audience(context, invocation.person, name, text or "", description=description, kind=kind)
    invocation.answer(asdict(found), lambda: render_saved([found]))


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(
            msg("{file} cannot be read: {reason}", file=file, reason=reason_of(error)),
            hint=msg("save it as text in UTF-8"),
        ) from error


@audience.command("list")
@pass_invocation
def list_saved(invocation: Invocation) -> None:
    """List the saved audiences.

    \b
    Example:
      tagcast audience list
    """
    context, person = invocation.context(), invocation.person
    found, labels = listed_for(context, person), team.labels_of(context, person)
    invocation.answer(
        [{**asdict(one), "labels": labels.get(one.name, ())} for one in found],
        lambda: render_saved(found, labels),
    )


@audience.command()
@click.argument("name")
@click.option(
    "--members", is_flag=True, help="Show a few of those who joined and left; recorded in the access log."
)
@purpose_option
@pass_invocation
def changes(invocation: Invocation, name: str, members: bool) -> None:
    """Show how many joined and left a saved audience since the run before, and why.

    \b
    Example:
      tagcast audience changes loyal
      tagcast audience changes loyal --members
    """
    context, person = invocation.context(), invocation.person
    found = membership_change(context, person, name)
    shown = changed_members(context, person, name) if members else ()

    def render() -> None:
        render_change(name, found)
        if shown:
            table(
                msg("Some of them"),
                (msg("profile"), msg("joined or left"), msg("reason")),
                [
                    (one.profile_id, _DIRECTIONS[one.direction], cause_words(one.cause, one.field))
                    for one in shown
                ],
            )

    answer = {"change": found and asdict(found), "members": [one._asdict() for one in shown]}
    invocation.answer(answer, render)


_DIRECTIONS = {"joined": msg("joined"), "left": msg("left")}


@audience.command("edits")
@click.argument("name")
@pass_invocation
def show_edits(invocation: Invocation, name: str) -> None:
    """Show who changed which condition of a saved audience when.

    \b
    Example:
      tagcast audience edits loyal
    """
    found = edits(invocation.context(), invocation.person, name)
    invocation.answer([asdict(one) for one in found], lambda: render_edits(found))


@audience.command()
@click.argument("name")
@click.argument("labels", metavar="[LABEL]...", nargs=-1)
@pass_invocation
def label(invocation: Invocation, name: str, labels: tuple[str, ...]) -> None:
    """Give a saved audience these labels in place of those it has; without any it has none.

    \b
    Example:
      tagcast audience label loyal spring retention
    """
    found = team.set_labels(invocation.context(), invocation.person, name, labels)
    invocation.answer(
        {"labels": found}, lambda: say(msg("{name}: {labels}", name=name, labels=", ".join(found)))
    )


@audience.command()
@click.argument("name")
@click.argument("to")
@pass_invocation
def transfer(invocation: Invocation, name: str, to: str) -> None:
    """Make TO, the name of an account, the owner of a saved audience.

    \b
    Example:
      tagcast audience transfer loyal ann
    """
    found = team.transfer(invocation.context(), invocation.person, name, to)
    invocation.answer(
        asdict(found),
        lambda: say(msg("the audience {name!r} belongs to {owner}", name=found.name, owner=found.owner)),
    )


@audience.command()
@click.argument("name")
@click.argument("copy")
@pass_invocation
def duplicate(invocation: Invocation, name: str, copy: str) -> None:
    """Save the filter, or the members, of the audience NAME once more as COPY.

    \b
    Example:
      tagcast audience duplicate loyal "loyal, mine"
    """
    found = team.duplicate(invocation.context(), invocation.person, name, copy)
    invocation.answer(asdict(found), lambda: render_saved([found]))


@audience.command()
@click.option("--mine", is_flag=True, help="Yours alone, where you may see everybody's.")
@click.option("--name", help="Of the saved audience or the campaign.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True)
@pass_invocation
def exports(invocation: Invocation, mine: bool, name: str | None, limit: int) -> None:
    """List exports: yours, and everybody's for who leads a team.

    \b
    Example:
      tagcast audience exports --name loyal
    """
    found, _ = exports_on_record(invocation.context(), invocation.person, mine=mine, name=name, limit=limit)
    invocation.answer([asdict(one) for one in found], lambda: render_exports(found))


@audience.command()
@click.argument("name")
@pass_invocation
def delete(invocation: Invocation, name: str) -> None:
    """Delete a saved audience; one that other audiences use has to be removed from their filters first.

    \b
    Example:
      tagcast audience delete loyal
    """
    delete_audience(invocation.context(), invocation.person, name)
    invocation.answer({"deleted": name}, lambda: say(msg("the audience {name!r} is deleted", name=name)))
