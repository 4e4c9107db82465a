"""Words that pages share for what the data says: values of tags, parts of a prediction, statuses, roles, the tag tree."""

from __future__ import annotations

from tagcast.features.core.messages import Message, msg, pmsg
from tagcast.registry.access.roles import Roles
from tagcast.registry.governance.lifecycle import Status
from tagcast.registry.governance.saved_audiences import AudienceKind
from tagcast.serving.catalog.known_tags import Kind
from tagcast.serving.console.i18n.translator import Translator

ROLE_TITLES: dict[str, Message] = {
    "viewer": msg("Viewer"),
    "marketer": msg("Marketer"),
    "lead": msg("Lead"),
    "data_scientist": msg("Data scientist"),
    "admin": msg("Administrator"),
    "owner": msg("Owner"),
}
"""Of the roles that tagcast brings."""
STATUS_TITLES: dict[Status, Message] = {
    "draft": msg("Draft"),
    "in_review": msg("In review"),
    "published": msg("Published"),
    "suspended": msg("Suspended"),
    "retired": msg("Retired"),
}
STEP_TITLES: dict[Status, Message] = {
    "in_review": msg("Submit for review"),
    "published": msg("Publish"),
    "suspended": msg("Suspend"),
    "retired": msg("Retire"),
    "draft": msg("Back to draft"),
}
"""What taking a tag to a status is called."""
KIND_TITLES: dict[Kind, Message] = {
    "model": msg("Model"),
    "amount": msg("Amount"),
    "uplift": msg("Effect of contact"),
    "rule": msg("Rule"),
}
MEMBERSHIP_TITLES: dict[AudienceKind, Message] = {
    "dynamic": msg("dynamic"),
    "frozen": msg("frozen"),
    "list": msg("list of IDs"),
}
PART_TITLES: dict[str, Message] = {
    "value": msg("value"),
    "band": msg("level"),
    "confidence": msg("confidence"),
    "percentile": msg("percentile"),
    "score": msg("score"),
    "lower": msg("lower bound"),
    "upper": msg("upper bound"),
    "unknown_because": msg("why unknown"),
}
CATEGORY_TITLES: dict[str, Message] = {
    "Lifecycle": msg("Lifecycle"),
    "Retention": msg("Retention"),
    "Stage": msg("Stage"),
    "Value": pmsg("category", "Value"),
    "Spend": msg("Spend"),
    "Interest": msg("Interest"),
    "Groceries": msg("Groceries"),
    "Discovery": msg("Discovery"),
    "Purchases": msg("Purchases"),
    "Basket": msg("Basket"),
}
"""Categories of the tag tree that come with tagcast; any other is shown as it is spelt."""


def role_title(say: Translator, roles: Roles, role: str) -> str:
    """Return what a role is called: one of the project as its configuration says, one that is gone by its name."""
    known = roles.by_name.get(role)
    if known is None or known.title is None:
        return say.word(ROLE_TITLES, role)
    return say.of(dict(known.title))
