"""The dialog that exports an audience: what it is for, whom that leaves out, then the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg, nmsg, pmsg
from tagcast.models.filters.conditions import Filter
from tagcast.serving.campaigns.goals import goal_tags
from tagcast.serving.console.i18n.vocabulary import PART_TITLES
from tagcast.serving.console.purpose import purpose_field
from tagcast.serving.console.ui.debounce import Debouncer
from tagcast.serving.console.ui.downloads import place_for
from tagcast.serving.console.ui.formatting import number
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.notices import done, error_markup
from tagcast.serving.console.ui.page_context import link
from tagcast.serving.console.ui.widgets import button, dialog, html, number_field, select
from tagcast.serving.delivery.consent import Reach, reach
from tagcast.serving.delivery.power import Power, power

if TYPE_CHECKING:
    from tagcast.registry.access.roles import Person
    from tagcast.serving.console.ui.page_context import PageContext
    from tagcast.serving.context import ServiceContext
    from tagcast.serving.delivery.export_columns import ExportColumn
    from tagcast.serving.delivery.exports import ExportRecord

NO_CONTACT = ""
"""Stands in place of a channel, whose names are never empty: no one in the file is contacted."""


def write_export(
    context: ServiceContext, person: Person, tree: Filter, file: Any, **how: Any
) -> ExportRecord:
    """Write the members to ``file``."""
    from tagcast.serving.delivery.exports import export

    return export(context, person, tree, file, **how)


def export_dialog(page: PageContext, tree: Filter | None, members: int, name: str) -> None:
    """Ask how to take the members away; the file comes as a download."""
    from nicegui import background_tasks, ui

    from tagcast.serving.delivery.export_columns import described_columns

    say = page.say
    if tree is None:
        done(say(msg("Add a condition to narrow it down.")))
        return
    consent = page.context.settings.consent
    # Where consent is known, nothing is chosen beforehand: a hurried click must not write to people who said no.
    chosen: dict[str, Any] = {
        "format": "csv", "columns": [], "holdout": 0.0, "purpose": None if consent else NO_CONTACT,
        "goal": "",
    }  # fmt: skip

    def put(key: str, value: Any) -> None:
        chosen[key] = value

    def show_power(found: Power | None) -> None:
        seen.content = Markup("") if found is None else h("div", say(found.sentence), class_="note")

    def no_power(_error: Exception) -> None:
        seen.content = Markup("")  # the export says what is wrong, should it be asked for

    planning: Debouncer[Power | None] = Debouncer(show_power, no_power)

    async def choose_share(percent: float | None) -> None:
        put("holdout", (percent or 0) / 100)
        await plan()

    async def plan() -> None:
        share, purpose = chosen["holdout"], chosen["purpose"]
        if share and purpose is not None:
            goal = chosen["goal"] or None
            await planning.run(lambda: page.run(power, tree, share, channel=purpose or None, goal=goal))
        else:
            planning.forget()
            seen.content = Markup("")

    with dialog(say(nmsg("Export {n:,} member", "Export {n:,} members", members))) as box:
        with ui.element("div").classes("cols2"):
            select(
                {"csv": "CSV", "parquet": "Parquet"},
                "csv",
                say(msg("File format")),
                lambda v: put("format", v),
            )
            held = number_field(
                say(msg("Hold out a control group, %")),
                0,
                choose_share,
                least=0,
                most=50,
                step=5,
            )
            held.props["hint"] = say(
                msg("These customers are not contacted, so you can measure what the campaign achieved.")
            )
        seen = html(Markup(""), classes="export-power").props('role=status aria-live="polite"')
        columns = select(
            {},
            [],
            say(pmsg("file", "Columns")),
            lambda v: put("columns", v),
            many=True,
            search=True,
            chips=True,
        )
        columns.props["hint"] = say(msg("If you choose none: attributes and the values of the filter’s tags"))

        def show_reach(found: Reach) -> None:
            left_out.content = reach_note(page, found)
            run.props(remove="disabled")

        def fail(error: Exception) -> None:
            left_out.content = error_markup(page, error)

        looking: Debouncer[Reach] = Debouncer(show_reach, fail, pause=0)

        async def choose_purpose(purpose: str | None) -> None:
            put("purpose", purpose)
            run.props("disabled")
            left_out.content = Markup("")
            if purpose is not None:
                await looking.run(lambda: page.run(reach, tree, purpose or None))
            await plan()

        async def choose_goal(tag: str) -> None:
            put("goal", tag)
            await plan()

        if consent:
            purposes = {channel: channel for channel in consent}
            purposes[NO_CONTACT] = say(msg("no contact: no one in the file is written to or called"))
            purpose = select(purposes, None, say(msg("Channel")), choose_purpose)
            purpose.props["hint"] = say(
                msg("Customers who do not consent to the channel are left out. Your choice is recorded.")
            )
        goal = select(
            {"": say(msg("that of the filter’s first tag"))},
            "",
            say(msg("Goal of the campaign")),
            choose_goal,
        )
        goal.props["hint"] = say(
            msg(
                "With a control group held out the export is a campaign; what it did is shown under Campaigns."
            )
        )
        stated = purpose_field(page)
        left_out = html(Markup(""), classes="export-reach").props('role=status aria-live="polite"')
        answer = html(Markup("")).props('role=status aria-live="polite"')

        async def offer() -> None:
            columns.set_options({one.name: _called(page, one) for one in await page.run(described_columns)})
            first = {"": say(msg("that of the filter’s first tag"))}
            titles = await page.run(goal_tags)
            goal.set_options(
                {**first, **{tag: title[page.language] for tag, title in titles.items()}}, value=""
            )

        async def go() -> None:
            run.props("disabled")
            kind: Literal["csv", "parquet"] = chosen["format"]
            no_contact = bool(consent) and chosen["purpose"] == NO_CONTACT
            file = place_for(page.context, f"{name or 'audience'}.{kind}".replace("/", "_"))
            visit = page if stated is None else page.with_purpose(stated.value or "")
            try:
                record = await visit.run(
                    write_export,
                    tree,
                    file,
                    format=kind,
                    columns=chosen["columns"] or None,
                    holdout=chosen["holdout"],
                    channel=chosen["purpose"] or None,
                    no_contact=no_contact,
                    name=name,
                    goal=None if no_contact else chosen["goal"] or None,
                )
            except TagcastError as error:
                answer.content = error_markup(page, error)
                return
            finally:
                run.props(remove="disabled")
            answer.content = _record(page, record)
            ui.download.file(file)

        with ui.element("div").classes("actions"):
            button(say(msg("Close")), box.close, "quiet")
            run = button(say(msg("Export")), go, "primary", "download")
            if chosen["purpose"] is None:
                run.props("disabled")
        background_tasks.create(offer(), name="columns of an export")


def reach_note(page: PageContext, found: Reach) -> Markup:
    """Return whom an export will write and leave out, as it is shown before the file is written."""
    say = page.say
    standing = None
    if found.standing:
        standing = h(
            "div",
            say(
                msg(
                    "{count} are left out: they belong to the standing control group.",
                    count=number(found.standing),
                )
            ),
        )
    often = _often(page, found)
    written = say(
        msg(
            "{written} of {members} members will be written.",
            written=number(found.written),
            members=number(found.members),
        )
    )
    if not found.without_consent:
        return h("div", written, standing, often, class_="note warn" if found.at_limit else "note")
    return h(
        "div",
        h("b", written),
        h(
            "div",
            say(
                msg(
                    "{count} are left out: {refused} do not consent, of {unknown} nothing is known.",
                    count=number(found.without_consent),
                    refused=number(found.without_consent - found.consent_unknown),
                    unknown=number(found.consent_unknown),
                )
            ),
        ),
        standing,
        often,
        class_="note warn",
    )


def _called(page: PageContext, column: ExportColumn) -> str:
    """Return what a column is called, the part of a tag beside it."""
    title = page.say.of(dict(column.title))
    return title if column.part in {"", "value"} else f"{title}: {page.say(PART_TITLES[column.part])}"


def _often(page: PageContext, found: Reach) -> Markup | None:
    """Return how many of those who would be written were contacted of late; None where nobody was, or nothing limits it."""
    if not found.contacted:
        return None
    say, limit = page.say, page.context.settings.contact
    lines = [
        msg(
            "{count} of them were contacted within {days} days.",
            count=number(found.contacted),
            days=limit.days,
        )
    ]
    if found.at_limit:
        about = {"count": number(found.at_limit), "times": limit.at_most or 0, "days": limit.days}
        lines.append(
            msg("{count} are left out: they were contacted {times} times within {days} days.", **about)
            if found.rested
            else msg("{count} were contacted {times} times within {days} days already.", **about)
        )
    return h("div", [h("div", say(line)) for line in lines])


def _record(page: PageContext, record: ExportRecord) -> Markup:
    say = page.say
    lines = [h("b", say(nmsg("{n:,} row written", "{n:,} rows written", record.rows)))]
    if record.held_out:
        lines.append(h("div", say(msg("{count} held out", count=number(record.held_out)))))
    if record.standing:
        lines.append(
            h("div", say(msg("{count} left out: standing control group", count=number(record.standing))))
        )
    if record.goal is not None:
        shown = h("a", say(msg("What the campaign does is shown here.")), href=link("/campaigns", record.id))
        lines.append(h("div", shown))
    if record.without_consent:
        lines.append(h("div", say(msg("{count} left out: no consent", count=number(record.without_consent)))))
    if record.rested:
        often = msg("{count} left out: contacted as often as allowed of late", count=number(record.rested))
        lines.append(h("div", say(often)))
    if record.hidden:
        lines.append(h("div", say(msg("Left out as sensitive: {columns}", columns=", ".join(record.hidden)))))
    lines.append(h("div", say(msg("Logged in the audit log as {id}.", id=record.id))))
    return h("div", lines, class_="note good")
