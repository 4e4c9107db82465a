"""What is wrong with a request, in words: pydantic's findings as messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tagcast.features.core.messages import Joined, Message, Text, listed, msg, nmsg

_SHOWN = 10
_SENTENCES: dict[str, Message] = {
    "missing": msg("required, but not given"),
    "extra_forbidden": msg("not known here"),
    "string_type": msg("expected a text"),
    "int_type": msg("expected a whole number"),
    "int_parsing": msg("expected a whole number"),
    "int_from_float": msg("expected a whole number"),
    "float_type": msg("expected a number"),
    "float_parsing": msg("expected a number"),
    "finite_number": msg("expected a finite number"),
    "bool_type": msg("expected true or false"),
    "bool_parsing": msg("expected true or false"),
    "list_type": msg("expected a list"),
    "tuple_type": msg("expected a list"),
    "dict_type": msg("expected an object"),
    "model_type": msg("expected an object"),
    "model_attributes_type": msg("expected an object"),
    "date_type": msg("expected a date, such as 2026-01-31"),
    "date_parsing": msg("expected a date, such as 2026-01-31"),
    "date_from_datetime_parsing": msg("expected a date, such as 2026-01-31"),
    "datetime_type": msg("expected a date with a time, such as 2026-01-31T09:00:00Z"),
    "datetime_parsing": msg("expected a date with a time, such as 2026-01-31T09:00:00Z"),
    "datetime_from_date_parsing": msg("expected a date with a time, such as 2026-01-31T09:00:00Z"),
    "string_unicode": msg("not valid Unicode"),
    "json_invalid": msg("not valid JSON"),
}
"""Of the findings that name nothing of their own."""


def request_problem(findings: Sequence[Mapping[str, Any]]) -> Joined:
    """Return what is wrong with a request, each finding with its place.

    What was sent is not repeated: it may be megabytes, or a profile.

    Parameters
    ----------
    findings : sequence of mapping
        As :meth:`pydantic.ValidationError.errors` returns them.
    """
    return listed(
        [
            msg("{place}: {problem}", place=".".join(map(str, one["loc"])), problem=_sentence(one))
            for one in findings[:_SHOWN]
        ],
        "sentences",
    )


def _sentence(finding: Mapping[str, Any]) -> Text:
    kind, about = str(finding["type"]), finding.get("ctx", {})
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    match kind:
        case "value_error":
            (text,) = getattr(about.get("error"), "args", ()) or ("",)
            return text if isinstance(text, Message | str) else str(text)
        case "literal_error" | "enum":
            return msg("expected {values}", values=str(about.get("expected", "")).replace(" or ", ", "))
        case "greater_than":
            return msg("has to be greater than {limit}", limit=about["gt"])
        case "greater_than_equal":
            return msg("has to be at least {limit}", limit=about["ge"])
        case "less_than":
            return msg("has to be less than {limit}", limit=about["lt"])
        case "less_than_equal":
            return msg("may be at most {limit}", limit=about["le"])
        case "string_too_short":
            return nmsg(
                "has to have at least {n} character",
                "has to have at least {n} characters",
                about["min_length"],
            )
        case "string_too_long":
            return nmsg(
                "may have at most {n:,} character", "may have at most {n:,} characters", about["max_length"]
            )
        case "too_long":
            return nmsg("may hold at most {n:,} item", "may hold at most {n:,} items", about["max_length"])
        case "too_short":
            return nmsg(
                "has to hold at least {n} item", "has to hold at least {n} items", about["min_length"]
            )
        case "union_tag_invalid" | "union_tag_not_found":
            return msg(
                "expected {values}", values=str(about.get("expected_tags", about.get("discriminator", "")))
            )
        case _:
            return msg("not valid ({kind})", kind=kind)
