"""First steps: which are done, what comes next, and who can take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg
from tagcast.serving.console.ui.html import h
from tagcast.serving.console.ui.page_context import PageContext
from tagcast.serving.console.ui.widgets import link_button

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tagcast.serving.home.first_steps import FirstStep, StepName

_TITLES: dict[StepName, Message] = {
    "check": msg("Check the data"),
    "train": msg("Train the tags"),
    "score": msg("Score everyone"),
    "audience": msg("Build the first audience"),
}
_ABOUT: dict[StepName, Message] = {
    "check": msg("Are the sources complete, and is there enough to learn from?"),
    "train": msg("Learn from what happened before, and measure how well it works."),
    "score": msg("Predict today’s values and publish them."),
    "audience": msg("Combine tags, save the audience, and it appears here."),
}
_COMMANDS: dict[StepName, str] = {
    "check": "tagcast check",
    "train": "tagcast train --all",
    "score": "tagcast score --all",
}


def step_cards(page: PageContext, steps: Sequence[FirstStep]) -> Markup:
    """Return the steps in a row, the next one with what to do."""
    say = page.say
    cards = [_step(page, number, step) for number, step in enumerate(steps, start=1)]
    return h(
        "section", h("h2", say(msg("First steps"))), h("ol", cards, class_="steps"), class_="card spaced"
    )


def _step(page: PageContext, number: int, step: FirstStep) -> Markup:
    say = page.say
    state = msg("done") if step.done else msg("next") if step.next else msg("later")
    kind = "good" if step.done else "accent" if step.next else ""
    return h(
        "li",
        h(
            "div",
            h("b", f"{number}. {say(_TITLES[step.name])}"),
            " ",
            h("span", say(state), class_=f"pill {kind}"),
        ),
        h("p", say(_ABOUT[step.name]), class_="muted") if not step.done else None,
        _how(page, step.name) if not step.done else None,
        aria_current="step" if step.next else None,
    )


def _how(page: PageContext, step: StepName) -> Markup | None:
    """Return the command for who runs commands, whom to ask for who does not."""
    say, person = page.say, page.person
    if step == "audience":
        if person.may("filter") and page.context.store.current() is not None:
            return link_button(say(msg("New audience")), "/audience", "primary", "build")
        return None
    if person.may("operate") or person.may("access"):
        return h("p", h("code", _COMMANDS[step]))
    return h("p", say(msg("A data scientist does this: ask one of them.")), class_="faint")
