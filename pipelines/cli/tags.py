"""Commands of the catalogue: tags, the page and life of one tag, champions that wait for a second person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagcast.features.core.errors import ConflictError
from tagcast.pipelines.cli.main import clock, project_options

if TYPE_CHECKING:
    from tagcast.registry.governance.lifecycle import Status
    from tagcast.serving.context import ServiceContext

reason_option = click.option("--reason", required=True, help="Why; it is kept with the step.")
by_option = click.option("--by", help="Who decides; default: the user who runs the command.")


@click.command()
@click.option("--query", default="", help="Part of a name, title or description, also nearly right.")
@click.option("--owner", help="Only tags of this owner.")
@click.option(
    "--status",
    type=click.Choice(["draft", "in_review", "published", "suspended", "retired"]),
    help="Only tags that stand there.",
)
@project_options
def tags(
    config: Path | None, home: Path | None, as_json: bool, query: str, owner: str | None, status: str | None
) -> None:
    """Show the tag tree with status, coverage, grade and quality; warns of thin and crowded categories.

    \b
    Example:
      tagcast tags
      tagcast tags --query coffe
      tagcast tags --status in_review
    """
    from tagcast.pipelines.project.local_user import local_user
    from tagcast.pipelines.reports.catalog import render_tags
    from tagcast.pipelines.reports.terminal import emit
    from tagcast.serving.catalog import catalog as catalogue

    context = _context(config, home)
    rows = catalogue.tags(context, local_user(), query=query, owner=owner, status=status)
    whole = not (query or owner or status)
    emit(
        [row.to_dict() for row in rows],
        as_json=as_json,
        render=lambda: render_tags(rows, catalogue.tree_warnings(context) if whole else ()),
    )


@click.group()
def tag() -> None:
    """Look at one tag, and take it through its life.

    \b
    Example:
      tagcast tag show churn_risk
      tagcast tag submit churn_risk --reason "ready for the spring campaign"
      tagcast tag approve churn_risk --reason "read the card"
    """


@tag.command("show")
@click.argument("name")
@project_options
def show(config: Path | None, home: Path | None, as_json: bool, name: str) -> None:
    """Show what is known of tag NAME.

    \b
    Example:
      tagcast tag show churn_risk
    """
    from tagcast.pipelines.project.local_user import local_user
    from tagcast.pipelines.reports.catalog import render_page
    from tagcast.pipelines.reports.terminal import emit
    from tagcast.serving.catalog.tag_details import tag_details

    page = tag_details(_context(config, home), local_user(), name)
    emit(page.to_dict(), as_json=as_json, render=lambda: render_page(page))


@tag.command("history")
@click.argument("name")
@project_options
def history(config: Path | None, home: Path | None, as_json: bool, name: str) -> None:
    """Show the steps in the life of tag NAME: who, when, why.

    \b
    Example:
      tagcast tag history churn_risk
    """
    from dataclasses import asdict

    from tagcast.pipelines.project.local_user import local_user
    from tagcast.pipelines.reports.catalog import render_history
    from tagcast.pipelines.reports.terminal import emit
    from tagcast.registry.governance.lifecycle import history
    from tagcast.serving.catalog.known_tags import find_tag

    context = _context(config, home)
    steps = history(context.state, find_tag(context, local_user(), name).name)
    emit([asdict(step) for step in steps], as_json=as_json, render=lambda: render_history(steps))


def _step(word: str, to: Status, about: str, *, only_from: Status | None = None) -> Callable[..., None]:
    """Return the command that takes a tag to ``to``; the simple ones differ in their words alone."""

    @tag.command(word, help=f'{about}\n\n\b\nExample:\n  tagcast tag {word} churn_risk --reason "…"')
    @click.argument("name")
    @reason_option
    @by_option
    @project_options
    def command(
        config: Path | None, home: Path | None, as_json: bool, name: str, reason: str, by: str | None
    ) -> None:
        context = _context(config, home)
        if only_from is not None:
            _require_status(context, name, only_from)
        _move(context, name, to, reason, by, as_json=as_json)

    return command


_step("submit", "in_review", "Put tag NAME into review.")
_step(
    "approve",
    "published",
    "Publish tag NAME, which is in review; where the configuration asks for a second person, by another one than who "
    "put it there.",
    only_from="in_review",
)
_step("publish", "published", "Publish tag NAME: marketers may filter by it.")
_step("suspend", "suspended", "Suspend tag NAME: marketers may not filter by it until it is published again.")
_step("reopen", "draft", "Make tag NAME a draft again: out of review, or out of retirement.")


@tag.command("retire")
@click.argument("name")
@reason_option
@by_option
@click.option("--yes", is_flag=True, help="Although saved audiences depend on it.")
@project_options
def retire(
    config: Path | None, home: Path | None, as_json: bool, name: str, reason: str, by: str | None, yes: bool
) -> None:
    """Retire tag NAME for good; what depends on it is shown first.

    \b
    Example:
      tagcast tag retire interest.tea --reason "the shop sells no tea any more"
      tagcast tag retire interest.tea --reason "the shop sells no tea any more" --yes
    """
    from tagcast.serving.catalog.tag_details import dependents

    context = _context(config, home)
    needed = dependents(context, name)
    if needed and not yes:
        many = "audience speaks" if len(needed) == 1 else "audiences speak"
        raise ConflictError(
            f"{len(needed)} saved {many} of {name}: {', '.join(needed)}",
            hint="change or delete them, or retire it all the same with --yes",
        )
    _move(context, name, "retired", reason, by, as_json=as_json)


@click.command()
@click.argument("tag_name", metavar="[TAG]", required=False)
@click.argument("version", type=int, required=False)
@click.option("--reason", default="", help="Why; it is kept with the decision.")
@click.option("--refuse", is_flag=True, help="Turn it down instead.")
@by_option
@project_options
def approve(
    config: Path | None, home: Path | None, as_json: bool, tag_name: str | None, version: int | None,
    reason: str, refuse: bool, by: str | None,
) -> None:  # fmt: skip
    """Approve VERSION of TAG, which was proposed as champion, as the second person; without TAG list what waits.

    \b
    Example:
      tagcast approve
      tagcast approve churn_risk 4 --reason "read the card, the gate's figures hold"
      tagcast approve churn_risk 4 --refuse --reason "trained on a broken feed"
    """
    from dataclasses import asdict

    from tagcast.pipelines.project.local_user import local_user
    from tagcast.pipelines.reports.catalog import render_pending
    from tagcast.pipelines.reports.terminal import emit, say
    from tagcast.serving.catalog import tag_actions as tag_steps

    context = _context(config, home)
    if tag_name is None:
        found = tag_steps.pending_champions(context, local_user())
        emit([p.to_dict() for p in found], as_json=as_json, render=lambda: render_pending(found))
        return
    if version is None:
        raise click.UsageError("name the version too, as in: tagcast approve churn_risk 4")
    act = tag_steps.refuse_champion if refuse else tag_steps.approve_champion
    decision = act(context, local_user(by), tag_name, version, reason)
    came = "is turned down" if refuse else "is champion: the next run scores with it"
    emit(asdict(decision), as_json=as_json, render=lambda: say(f"{tag_name}: version {version} {came}"))


def _move(
    context: ServiceContext, name: str, to: Status, reason: str, by: str | None, *, as_json: bool
) -> None:
    from dataclasses import asdict

    from tagcast.pipelines.project.local_user import local_user
    from tagcast.pipelines.reports.terminal import emit, say
    from tagcast.serving.catalog.tag_actions import transition_tag

    step = transition_tag(context, local_user(by), name, to, reason)
    said = f"{name} is {step.to.replace('_', ' ')} (was {step.was.replace('_', ' ')})"
    emit(asdict(step), as_json=as_json, render=lambda: say(said))


def _require_status(context: ServiceContext, name: str, status: Status) -> None:
    from tagcast.serving.catalog.catalog import statuses_of

    stands = statuses_of(context, [name])[name]
    if stands != status:
        raise ConflictError(
            f"{name} is {stands.replace('_', ' ')}, not {status.replace('_', ' ')}",
            hint=f"tagcast tag submit {name} puts it into review",
        )


def _context(config: Path | None, home: Path | None) -> ServiceContext:
    from tagcast.features.core.settings import load_settings
    from tagcast.serving.context import open_context

    return open_context(load_settings(config, home, Path.cwd()), clock)


COMMANDS: tuple[Any, ...] = (tags, tag, approve)
