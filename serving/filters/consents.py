"""Who consents to a channel, as a condition of SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagcast.models.filters.conditions import Compare, FieldRef, Filter, OneOf
from tagcast.serving.filters.where import where_in

if TYPE_CHECKING:
    from datetime import datetime

    from sqlglot import exp

    from tagcast.serving.store.base import StoreReader

CONSENTING = ("yes", "Yes", "YES", "true", "True", "TRUE", "y", "Y", "1")
"""Texts of an attribute that mean consent; of a number it is 1."""


def consent_by(reader: StoreReader, attribute: str, now: datetime) -> exp.Expr | None:
    """Return the condition that a profile consents by an attribute; None where the run does not have it."""
    field, kind = FieldRef(name=attribute), reader.manifest.attributes.get(attribute)
    if kind is None:
        return None
    conditions: dict[str, Compare | OneOf] = {
        "boolean": Compare(field=field, op="=", value=True),
        "number": Compare(field=field, op="=", value=1.0),
        "text": OneOf(field=field, values=CONSENTING),
        "date": OneOf(field=field, values=CONSENTING),
    }
    return where_in(reader, Filter(root=conditions[kind]), now)[1]
