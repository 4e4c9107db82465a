"""What a tag is good for, on its page: whom its rule flags, how many it catches, and a gain chart that ends in a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, Text, msg, nmsg
from tagcast.serving.audiences.outcome.gain import gain
from tagcast.serving.audiences.outcome.measured import measured
from tagcast.serving.audiences.outcome.sentences import share, shown, times
from tagcast.serving.console.tags.gain_chart import gain_chart
from tagcast.serving.console.ui.formatting import day, number, percent
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.page_context import PageContext, leave_for, link
from tagcast.serving.console.ui.widgets import button, html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.serving.audiences.outcome.gain import Gain, GainStep, RuleFigures
    from tagcast.serving.audiences.outcome.measured import Measured
    from tagcast.serving.catalog.tag_details import TagDetails

FIRST_TOP = 20.0
"""Percent of the ranking that the slider begins at."""


async def outcome_card(page: PageContext, details: TagDetails) -> None:
    """Show what the active run expects of the tag's rule and ranking; nothing of a tag that has neither."""
    from nicegui import ui

    try:
        found = await page.run(gain, details.row.name)
    except TagcastError:
        return  # no run has scored it, which the page says
    if found is None:
        return
    known = await page.run(measured, details.row.name) if found.rule is not None else []
    say = page.say
    with ui.element("section").classes("card"):
        html(h("h2", say(msg("What it is good for"))))
        if found.rule is not None:
            html(_rule(page, found, found.rule, known))
        if found.steps:
            GainPanel(page, found)


class GainPanel:
    """The gain chart and its slider.

    Parameters
    ----------
    page : PageContext
    found : Gain
        With steps.
    """

    def __init__(self, page: PageContext, found: Gain) -> None:
        from nicegui import ui

        self.page, self.say, self.found = page, page.say, found
        steps = found.steps
        first = min(range(len(steps)), key=lambda place: abs(steps[place].top - FIRST_TOP))
        self.chosen = steps[first]
        say = self.say
        html(h("h3", say(msg("If you contact those of highest score")), class_="gain-title"))
        with ui.element("div").classes("gain"):
            self.picture = html(Markup(""))
            with ui.element("div"):
                self.text = html(Markup(""), "p", "gain-said num")
                self.slider = ui.element("input").classes("gain-range")
                self.slider.props(f"type=range min=1 max={len(steps)} step=1")
                # As an attribute: where it is drawn anew, the slider stays where somebody has put it.
                self.slider.props["^value"] = str(first + 1)
                self.slider.props["aria-label"] = say(msg("Share of the ranking to contact"))
                self.slider.on("input", self._moved, throttle=0.05, js_handler="(e) => emit(e.target.value)")
                if page.person.may("filter"):
                    button(say(msg("Build an audience of these")), self._build, "", "build")
        self._show()

    def _moved(self, event: object) -> None:
        place = int(float(getattr(event, "args", 1)))
        self.chosen = self.found.steps[max(1, min(place, len(self.found.steps))) - 1]
        self._show()

    def _show(self) -> None:
        say, step, found = self.say, self.chosen, self.found
        text = say(step_sentence(found, step, say.of(found.will)))
        self.text.content = h("span", text)
        axes = (
            say(msg("Share of those with a score")),
            say(msg("Share of all spend")) if found.in_currency else say(msg("Share of all outcomes")),
        )
        label = say(msg("Gain chart: {sentence} The dashed line is a choice at random.", sentence=text))
        self.picture.content = gain_chart(found.steps, step, axes, label)
        self.slider.props["aria-valuetext"] = text  # what a screen reader says of where it stands

    def _build(self) -> None:
        leave_for(self.slider.client, link("/audience", filter=self.chosen.condition))


def step_sentence(found: Gain, step: GainStep, will: str) -> Message:
    """Return what contacting the highest scores down to a step would reach.

    Parameters
    ----------
    found : Gain
    step : GainStep
    will : str
        Its outcome's verb in the language of the reader.
    """
    about = {
        "top": f"{step.top:.3g}",
        "customers": number(step.customers),
        "expected": shown(step.expected),
        "share": share(step.caught),
        "will": will,
    }
    if found.in_currency:
        return msg("Top {top}%: {customers} will spend about {expected} {will}, {share} of all.", **about)
    return msg("Top {top}%: of {customers} about {expected} {will}, {share} of all.", **about)


def _rule(page: PageContext, found: Gain, rule: RuleFigures, known: Sequence[Measured]) -> Markup:
    say = page.say
    lead = msg(
        "Of 100 flagged “yes”, about {right} {will}: {times} times the average. {recall} of all who will are flagged.",
        right=f"{100 * rule.precision:.0f}",
        will=say.of(found.will),
        times=times(rule.lift),
        recall=share(rule.recall),
    )
    nothing = msg(
        "{flagged} of {customers} are flagged. For comparison: saying “no” of everybody would be right for {right} of 100, and "
        "would find no one.",
        flagged=number(rule.flagged),
        customers=number(found.customers),
        right=f"{100 * (1 - rule.rate):.1f}",
    )
    parts = [h("p", say(lead), class_="outcome-lead"), h("p", say(nothing), class_="muted num")]
    if known:
        parts.append(_measured(page, rule, known))
    return h("div", parts, class_="outcome-rule")


def _measured(page: PageContext, rule: RuleFigures, known: Sequence[Measured]) -> Markup:
    """Return what the last run expects of the rule beside what was measured of it."""
    say = page.say
    columns: list[tuple[Text, RuleFigures | Measured]] = [(msg("Expected, last run"), rule)]
    for one in known:
        title = (
            msg("Measured, run of {day}", day=day(one.as_of))
            if one.as_of is not None
            else nmsg("In training, {n} past day", "In training, {n} past days", one.snapshots)
        )
        columns.append((title, one))
    rows = (
        (msg("Right, of 100 flagged"), [f"{100 * one.precision:.0f}" for _, one in columns]),
        (msg("Times the average"), [times(one.lift) for _, one in columns]),
        (msg("Flagged, of all who do"), [share(one.recall) for _, one in columns]),
        (msg("“No” of everybody is right for"), [percent(1 - one.rate) for _, one in columns]),
    )
    heads = [h("td"), *(h("th", say(title), scope="col", class_="r") for title, _ in columns)]
    body = [
        h("tr", h("th", say(name), scope="row"), [h("td", figure, class_="r") for figure in figures])
        for name, figures in rows
    ]
    table = h("table", h("thead", h("tr", heads)), h("tbody", body), class_="t tight")
    return h("div", table, class_="table-wrap")
