"""`tagcast tag`: the catalogue, changed definitions, and the steps of a tag from draft to retirement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import click

from tagcast.features.core.errors import ConflictError
from tagcast.features.core.messages import listed, msg, nmsg
from tagcast.pipelines.cli.groups import Invocation, ProjectGroup, pass_invocation
from tagcast.pipelines.cli.options import needs, reason_option
from tagcast.pipelines.project.champions import warn_of_foreign
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.catalog import render_history, render_page, render_tags
from tagcast.pipelines.reports.plan import render_applied, render_plan
from tagcast.pipelines.reports.terminal import progress, say
from tagcast.registry.governance.lifecycle import STATUS_NAMES, Status
from tagcast.registry.governance.lifecycle import history as status_history
from tagcast.serving.catalog import catalog
from tagcast.serving.catalog.known_tags import find_tag
from tagcast.serving.catalog.tag_actions import transition_tags
from tagcast.serving.catalog.tag_details import dependents, tag_details
from tagcast.serving.context import ServiceContext


@click.group(cls=ProjectGroup)
def tag() -> None:
    """List tags, review changed definitions, take a tag from draft to retirement.

    \b
    Example:
      tagcast tag list
      tagcast tag submit churn_risk --reason "ready for the spring campaign"
      tagcast tag approve churn_risk --reason "read the card"
    """


@tag.command("list")
@click.option("--query", default="", help="Part of a name, title or description, also nearly right.")
@click.option("--owner", help="Only tags of this owner.")
@click.option(
    "--status",
    type=click.Choice(["draft", "in_review", "published", "suspended", "retired"]),
    help="Only tags of this status.",
)
@pass_invocation
def list_tags(invocation: Invocation, query: str, owner: str | None, status: str | None) -> None:
    """Show the tag tree with status, coverage, grade and quality; warns of thin and crowded categories.

    \b
    Example:
      tagcast tag list
      tagcast tag list --query coffe
      tagcast tag list --status in_review
    """
    context = invocation.context()
    if context.tracking is not None:
        warn_of_foreign(context.tracking)
    rows = catalog.tags(context, invocation.person, query=query, owner=owner, status=status)
    whole = not (query or owner or status)
    invocation.answer(
        [row.to_dict() for row in rows],
        lambda: render_tags(rows, catalog.tree_warnings(context) if whole else ()),
    )


@tag.command()
@click.argument("name")
@pass_invocation
def show(invocation: Invocation, name: str) -> None:
    """Show what is known of tag NAME.

    \b
    Example:
      tagcast tag show churn_risk
    """
    page = tag_details(invocation.context(), invocation.person, name)
    invocation.answer(page.to_dict(), lambda: render_page(page))


@tag.command()
@click.argument("name")
@pass_invocation
def history(invocation: Invocation, name: str) -> None:
    """Show the status history of tag NAME: who, when, why.

    \b
    Example:
      tagcast tag history churn_risk
    """
    context = invocation.context()
    steps = status_history(context.state, find_tag(context, invocation.person, name).name)
    invocation.answer([asdict(step) for step in steps], lambda: render_history(steps))


@tag.command()
@needs("review")
def plan(invocation: Invocation) -> None:
    """Show how the definitions differ from the active ones, and what applying them would change.

    Names what needs training, and counts on the active run how many profiles would get each value and how every
    saved audience would change in size. Nothing is activated.

    \b
    Example:
      tagcast tag plan
    """
    # Here, not at the top: the list of tags does without what reads data and models.
    from tagcast.pipelines.deployment.plan import make_plan
    from tagcast.registry.access.roles import require_everybody

    require_everybody(invocation.person)
    with progress() as show_progress:
        found = make_plan(invocation.project(show_progress), invocation.context())
    invocation.answer(found.to_dict(), lambda: render_plan(found))


@tag.command()
@reason_option
@pass_invocation
def apply(invocation: Invocation, reason: str) -> None:
    """Activate the definitions as written: the next run uses them.

    What needs training stays as it is until a model is trained. Where [review] second_person is on, the first person
    to apply proposes, and somebody else who applies the same activates it.

    \b
    Example:
      tagcast tag apply --reason "fewer letters: only those who are rather sure to leave"
    """
    from tagcast.pipelines.deployment.plan import apply_plan

    done = apply_plan(invocation.project(), by=invocation.allowed("review"), reason=reason, now=clock())
    invocation.answer(done.to_dict(), lambda: render_applied(done))


def _step(word: str, to: Status, about: str, *, only_from: Status | None = None) -> Callable[..., None]:
    """Return the command that takes a tag to ``to``; the simple ones differ in their words alone."""

    @tag.command(word, help=f'{about}\n\n\b\nExample:\n  tagcast tag {word} churn_risk --reason "…"')
    @click.argument("names", nargs=-1, required=True, metavar="NAME...")
    @reason_option
    @pass_invocation
    def command(invocation: Invocation, names: tuple[str, ...], reason: str) -> None:
        context = invocation.context()
        if only_from is not None:
            invocation.allowed("review")
            for name in names:
                _require_status(context, name, only_from)
        _move(invocation, context, names, to, reason)

    return command


_step("submit", "in_review", "Put tags NAME into review, all of them or none.")
_step(
    "approve",
    "published",
    "Publish tags NAME, which are in review, all of them or none; where the configuration asks for a second person, by another one than who "
    "put them there.",
    only_from="in_review",
)
_step("publish", "published", "Publish tags NAME: marketers may filter by them.")
_step(
    "suspend",
    "suspended",
    "Suspend tags NAME: marketers may not filter by them until they are published again.",
)
_step("reopen", "draft", "Make tags NAME drafts again: out of review, or out of retirement.")


@tag.command()
@click.argument("name")
@reason_option
@click.option("--yes", is_flag=True, help="Although saved audiences depend on it.")
@pass_invocation
def retire(invocation: Invocation, name: str, reason: str, yes: bool) -> None:
    """Retire tag NAME for good; what depends on it is shown first.

    \b
    Example:
      tagcast tag retire interest.tea --reason "the shop sells no tea any more"
      tagcast tag retire interest.tea --reason "the shop sells no tea any more" --yes
    """
    invocation.allowed("review")
    context = invocation.context()
    needed = dependents(context, name)
    if needed and not yes:
        raise ConflictError(
            nmsg(
                "{n} saved audience uses {tag}: {names}",
                "{n} saved audiences use {tag}: {names}",
                len(needed),
                tag=name,
                names=listed(needed),
            ),
            hint=msg("change or delete them, or retire it all the same with --yes"),
        )
    _move(invocation, context, (name,), "retired", reason)


def _move(
    invocation: Invocation, context: ServiceContext, names: tuple[str, ...], to: Status, reason: str
) -> None:
    steps = transition_tags(context, invocation.person, names, to, reason)
    rows = [asdict(step) for step in steps]

    def render() -> None:
        for step in steps:
            was, now = STATUS_NAMES[step.was], STATUS_NAMES[step.to]
            say(msg("{name} is {status} (was {before})", name=step.tag, status=now, before=was))

    invocation.answer(rows if len(rows) > 1 else rows[0], render)


def _require_status(context: ServiceContext, name: str, status: Status) -> None:
    found = catalog.statuses_of(context, [name])[name]
    if found != status:
        raise ConflictError(
            msg(
                "{tag} is {found}, not {status}",
                tag=name,
                found=found.replace("_", " "),
                status=status.replace("_", " "),
            ),
            hint=msg("{command} puts it into review", command=f"tagcast tag submit {name}"),
        )
