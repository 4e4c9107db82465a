"""The three files of a first project as text: configuration, views and a tag."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from tagcast.features.catalog.feature_set import OPTIONAL, PROFILE_VIEW, PURCHASE, WINDOWS_DAYS, FeatureSet
from tagcast.features.core.schema.sources import Place
from tagcast.pipelines.start.column_names import PURCHASES, plain_name
from tagcast.pipelines.start.event_tables import EventTable
from tagcast.pipelines.start.horizon import Horizon
from tagcast.pipelines.start.tables import AttributeTable

FIRST_VIEW = "first"
CONFIG, VIEWS, TAG = "tagcast.toml", "views/first.yaml", "tags/comes_back.yaml"
_MOST_EVENTS = 6
_WORD_WIDTH = 42


@dataclass(frozen=True)
class Found:
    """All that was found.

    Parameters
    ----------
    name, timezone : str
        Of the project.
    events : list of EventTable
    attributes : list of AttributeTable
        Of those that are no views only the first can be ``[profiles]``.
    outcome : str
        Name of the events that the first tag predicts.
    horizon : Horizon
    """

    name: str
    timezone: str
    events: list[EventTable]
    attributes: list[AttributeTable]
    outcome: str
    horizon: Horizon

    @property
    def names(self) -> list[str]:
        """Names of events of all tables, the commonest of each first."""
        return list(dict.fromkeys(name for made in self.events for name in made.events))


def outcome_of(names: Sequence[str]) -> str:
    """Return the name of the events that the first tag predicts: purchases, else the commonest."""
    lower = {name.lower(): name for name in reversed(names)}
    return next((lower[word] for word in PURCHASES if word in lower), names[0])


def configuration(found: Found) -> str:
    """Return ``tagcast.toml``."""
    lines = [
        "# Made by tagcast init from what the data show; every line can be changed, and tagcast check says what it does.",
        f"name = {_text(found.name)}",
        _set("timezone", found.timezone, "whose calendar days count"),
        'tags = "tags"',
        'features = "views"',
    ]
    for made in found.events:
        lines += ["", "[[sources]]", *_source(made, found.timezone)]
    profiles = next((made for made in found.attributes if not made.is_view), None)
    if profiles is not None and profiles.columns:
        lines += ["", "[profiles]" + _note("attributes to filter on; models do not learn from them")]
        lines += _place(profiles.facts.place)
        lines.append(_set("key", profiles.key.value, profiles.key.comment))
        lines.append(f"columns = {_list(column for _, column in profiles.columns.values())}")
    return "\n".join(lines) + "\n"


def views(found: Found) -> str:
    """Return the declared views: aggregates of the events, and a view of each table of attributes."""
    # What a window makes of a name may be the name of a feature of tagcast's own.
    shipped = FeatureSet(WINDOWS_DAYS, OPTIONAL).titles()
    taken = {re.sub(r"_(\d+d|all)$", "", name) for name in shipped}
    features = {}

    def add(stem: str, aggregate: str, title: tuple[str, str]) -> str:
        name = plain_name(stem, taken, "event")
        taken.add(name)
        features[name] = f"{{{aggregate}, title: {{en: {_text(title[0])}, zh: {_text(title[1])}}}}}"
        return name

    active = []
    for event in found.names[:_MOST_EVENTS]:
        where = f"where: {_text(_is(event))}"
        add(f"{event}_count", f"count: true, {where}", (event, f"{event}次数"))
        days = add(f"days_with_{event}", f"days: true, {where}", (f"days with {event}", f"有{event}的天数"))
        recency = add(f"days_since_{event}", f"since_last: true, {where}", (event, event))
        active.append(f"roles: {{recency: {recency}, frequency: {days}_all}}")
    for name in _summed(found):
        add(f"{name}_total", f"sum: {name}", (name, name))
    add("silence_days", "since_last: true", ("activity", "活动"))
    add("gap_days", "gaps: mean", ("activity", "活动"))
    words = sorted({name for made in found.events for name in made.words})
    lines = [
        "# First features, of the commonest events; docs/how-to/views.md shows what else can be counted.",
        *([f"# Words that could be used, as in {{last: {words[0]}}}: {', '.join(words)}"] if words else []),
        f"view: {FIRST_VIEW}",
        "title: {en: First features, zh: 初始特征}",
        "windows: [7, 30, 90, all]",
        "features:",
        *(f"  {name}: {text}" for name, text in features.items()),
        # Of purchases tagcast has a ranking of its own, by recency, frequency and value.
        *(active[:1] if PURCHASE not in found.names else []),
    ]
    for made in found.attributes:
        if made.is_view and made.columns:
            lines += ["---", *_attributes(made, taken, found.timezone)]
    return "\n".join(lines) + "\n"


def tag(found: Found) -> str:
    """Return the first tag."""
    horizon, event = found.horizon, found.outcome
    gap = "nobody has two" if horizon.gap_days is None else f"the usual gap is {horizon.gap_days:.1f} days"
    named = [
        *([PROFILE_VIEW] if PURCHASE in found.names else []),
        FIRST_VIEW,
        *(made.facts.name for made in found.attributes if made.is_view and made.columns),
    ]
    en = f"{event} within {horizon.days} days, of those active in the last {horizon.active_days}"
    zh = f"近{horizon.active_days}天活跃的客户，未来{horizon.days}天内会有{event}"
    others = [name for name in found.names if name != event]
    note = f"guessed: {event}; others: {', '.join(others[:_MOST_EVENTS])}" if others else ""
    lines = [
        "name: comes_back",
        "title: {en: Comes back, zh: 会回来}",
        f"description: {{en: {_text(en)}, zh: {_text(zh)}}}",
        "path: [Customer life, Activity]",
        "owner: team   # who answers for it: write your team's name",
        f'population: "silence_days <= {horizon.active_days}"',
        f"# horizon: {gap}" + (f"; outcome {note}" if note else ""),
        f"outcome: {{count: true, where: {_text(_is(event))}, horizon_days: {horizon.days}, at_least: 1}}",
        f"features: [{', '.join(named)}]",
        "decision: {rule: top_share, share: 0.2}   # the fifth that is likeliest to",
    ]
    return "\n".join(lines) + "\n"


def _source(made: EventTable, timezone: str) -> list[str]:
    lines = [f"name = {_text(made.facts.name)}", *_place(made.facts.place)]
    if made.time.local:
        lines.append(
            _set("timezone", timezone, "guessed: how times without a zone are read; others: UTC, any zone")
            if timezone != "UTC"
            else _set("timezone", timezone, "guessed: how times without a zone are read; others: any zone")
        )
    if made.time.time_format is not None:
        lines.append(_set("time_format", made.time.time_format, ""))
    if made.event is not None:
        lines.append(_set("event_column", made.event.value, made.event.comment))
    else:
        lines.append(_set("event", made.events[0], "guessed: what each row is"))
    for key, names in (("numbers", made.numbers), ("words", made.words)):
        if names:
            lines.append(f"{key} = {_list(names)}")
    mapped = {role: (choice.value, choice.comment) for role, choice in made.columns.items()}
    mapped |= {
        name: (column, "") for name, column in {**made.numbers, **made.words}.items() if name != column
    }
    lines += ["", "[sources.columns]" + _note("event-log column = your column")]
    lines += [_set(role, value, note) for role, (value, note) in mapped.items() if role not in made.derive]
    if made.derive:
        lines += ["", "[sources.derive]"]
        for role, expression in made.derive.items():
            product = "guessed: the price of one, times the quantity" if role == "amount" else ""
            lines.append(_set(role, expression, mapped[role][1] if role in mapped else product))
    return lines


def _attributes(made: AttributeTable, taken: set[str], timezone: str) -> list[str]:
    place: dict[str, Any] = {**_written(made.facts.place), "key": made.key.value}
    if made.valid_from is not None:
        place["valid_from"] = made.valid_from.name
        if made.valid_from.time_format is not None:
            place["time_format"] = made.valid_from.time_format
        if made.valid_from.local:
            place["timezone"] = timezone
    else:
        place["constant"] = True
    lines = [f"view: {made.facts.name}", f"from: {json.dumps(place, ensure_ascii=False)}", "columns:"]
    for stem, (kind, column) in made.columns.items():
        name = stem if stem not in taken else plain_name(f"{made.facts.name}_{stem}", taken, "column")
        taken.add(name)
        lines.append(
            f"  {name}: " + (kind if name == column else f"{{kind: {kind}, column: {_text(column)}}}")
        )
    return lines


def _summed(found: Found) -> list[str]:
    """Return the numbers to sum; where there are purchases, amounts have features of tagcast's own."""
    own = {"amount"} if PURCHASE in found.names else set()
    mapped = {role for made in found.events for role in (*made.columns, *made.derive)}
    roles = ({"amount", "quantity"} & mapped) - own
    return sorted(roles | {name for made in found.events for name in made.numbers})


def _is(event: str) -> str:
    return exp.column("event").eq(exp.Literal.string(event)).sql("duckdb")


def _written(place: Place) -> dict[str, str]:
    return {key: value for key, value in place.model_dump().items() if value is not None}


def _place(place: Place) -> list[str]:
    return [f"{key} = {_text(value)}" for key, value in _written(place).items()]


def _set(key: str, value: str, note: str) -> str:
    return f"{key} = {_text(value)}".ljust(_WORD_WIDTH if note else 0).rstrip(
        " " if not note else ""
    ) + _note(note)


def _note(note: str) -> str:
    return f"   # {' '.join(note.split())}" if note else ""


def _list(values: Iterable[str]) -> str:
    return "[" + ", ".join(map(_text, values)) + "]"


def _text(value: str) -> str:
    """Return a text as TOML and YAML both write it."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
