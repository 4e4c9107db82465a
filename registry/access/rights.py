"""The rights, what they are called, and which of the roles that tagcast brings has which."""

from __future__ import annotations

from tagcast.features.core.messages import Message, msg
from tagcast.features.core.schema.roles import Right, ShippedRole

FIRST_ROLE: dict[Right, ShippedRole] = {
    "see": "viewer",
    "filter": "viewer",
    "save": "marketer",
    "export": "marketer",
    "draft": "marketer",
    "comment": "marketer",
    "profiles": "marketer",
    "review": "data_scientist",
    "operate": "data_scientist",
    "audit": "data_scientist",
    "sensitive": "data_scientist",
    "access": "admin",
    "erase": "owner",
}
OF_ADMINS: frozenset[Right] = frozenset({"see", "audit", "access"})
ACTIONS: dict[Right, Message] = {
    "see": msg("see the catalogue"),
    "filter": msg("filter audiences"),
    "save": msg("save audiences"),
    "export": msg("export profiles"),
    "sensitive": msg("see what is marked sensitive"),
    "draft": msg("draft rule tags"),
    "comment": msg("rate and comment"),
    "review": msg("review tags and champions"),
    "operate": msg("check data, train, score, manage runs and serve the console"),
    "profiles": msg("look at single profiles"),
    "audit": msg("read the audit log"),
    "access": msg("manage users and keys"),
    "erase": msg("export all that is known of profiles, and erase them"),
}
ROLE_NAMES: dict[str, Message] = {
    "viewer": msg("viewer"),
    "marketer": msg("marketer"),
    "data_scientist": msg("data scientist"),
    "admin": msg("admin"),
    "owner": msg("owner"),
}
"""What the roles that tagcast brings are called within a sentence."""
