"""What a tag means: what it predicts, by which rule, of whom, when, and from what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import msg, nmsg, pmsg
from tagcast.serving.console.tags.schedule_words import schedule_words
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from tagcast.serving.catalog.tag_details import TagDetails
    from tagcast.serving.console.ui.page_context import PageContext


def meaning_card(page: PageContext, details: TagDetails) -> Markup:
    """Return the card: meaning, schedule in words, and the features behind a fold."""
    say = page.say
    is_rule = details.row.kind == "rule"
    expires = nmsg(
        "{n} day after that of the data", "{n} days after that of the data", details.expires_after_days or 0
    )
    sensitive = details.row.sensitivity == "sensitive"
    facts = (
        (say(pmsg("decision", "Rule") if is_rule else msg("Predicts")), say.of(details.question)),
        (say(pmsg("decision", "Rule")), say.of(details.decision)),
        (say(msg("Applies to")), say.of(details.population)),
        (say(msg("Owner")), details.row.owner),
        (say(msg("Schedule")), say(schedule_words(details.refresh)) if details.refresh else ""),
        (say(msg("Expires")), say(expires) if details.expires_after_days else ""),
        (say(msg("Sensitivity")), say(msg("Sensitive") if sensitive else msg("normal"))),
    )
    lines = [[h("dt", key), h("dd", value)] for key, value in facts if value]
    about = say.of(details.description)
    lead = h("p", about, class_="lead") if about else None
    return h(
        "section",
        h("h2", say(msg("Meaning"))),
        lead,
        h("dl", lines, class_="facts"),
        _features(page, details),
        class_="card spaced",
    )


def _features(page: PageContext, details: TagDetails) -> Markup | None:
    """Return what the tag is made of; a model takes dozens, so they are folded."""
    if not details.features:
        return None
    say = page.say
    names = h("ul", [h("li", say.of(feature.title)) for feature in details.features], class_="bullets")
    title = nmsg("{n} feature used", "{n} features used", len(details.features))
    return h("details", h("summary", h("h3", say(title))), names, class_="fold features")
