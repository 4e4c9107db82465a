"""The output contract: a predicted tag as an Arrow row, a run's description, the names of the wide table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import pyarrow as pa

from tagcast.models.calibration.binary_season import SeasonOffset
from tagcast.models.definitions.score_scale import SCALES, ScoreScale
from tagcast.models.filters.fields import YES_NO
from tagcast.models.inference.estimated_quality import EstimatedQuality
from tagcast.models.inference.feature_drift import FeatureDrift
from tagcast.models.stats.amount_outlook import AmountOutlook

Kind = Literal["model", "amount", "uplift", "rule"]
"""What predicts a tag: a model of yes or no, a model of an amount, a model of what an approach changes, or a rule."""
REASONS = pa.list_(
    pa.struct([("feature", pa.string()), ("value", pa.float64()), ("contribution", pa.float64())])
)
_KIND = "kind"
_UTC = pa.timestamp("us", tz="UTC")
PREDICTION_SCHEMA = pa.schema(
    [
        ("profile_id", pa.string()),
        ("tag", pa.string()),
        ("value", pa.string()),
        ("score", pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("confidence", pa.float64()),
        ("percentile", pa.float64()),
        ("band", pa.string()),
        ("unknown_because", pa.string()),
        ("reasons", REASONS),
        ("reasons_method", pa.string()),
        ("model_version", pa.string()),
        ("as_of", pa.date32()),
        ("scored_at", _UTC),
        ("expires_at", _UTC),
    ]
)


@dataclass(frozen=True)
class TagRun:
    """One tag of a run: what predicted it, for how many, until when it is good; a rule's ``model_version`` is empty.

    ``feature_set`` (its spec) gives the titles of the reasons; empty in runs that were published without it.
    """

    tag: str
    model_version: str
    title_en: str
    title_zh: str
    path: tuple[str, ...]
    owner: str
    expires_at: datetime
    bands: tuple[str, ...]
    population: int
    sensitivity: str
    question: str = ""
    """What a yes means (``TagDefinition.question``); empty in runs that did not record it."""
    feature_set: str = ""
    unseen_season: float = 0.0
    """Share of the window ahead that lies in a season training never saw (:mod:`tagcast.models.stats.season_coverage`)."""
    unlike_training: float = 0.0
    """Share of the population whose features lie outside what training saw (:mod:`tagcast.models.inference.abstention`)."""
    unlike_because: str = ""
    """The commonest reason of these."""
    values: tuple[str, ...] = YES_NO
    """The tag's values beside unknown: yes and no, the tiers of an amount from low to high, what an approach does, the cases of a rule."""
    kind: Kind = "model"
    deciding: str = ""
    """What turned scores into values (:func:`tagcast.models.definitions.diff.deciding_id`); empty of rules and old runs."""

    life_days: int = 0
    """Days from that of the data for which its values are good; 0 in runs that did not record it."""

    outlook: AmountOutlook | None = None
    """What to expect of many of its amounts; None of chances, and in runs that did not record it."""

    season: SeasonOffset | None = None
    """What last year's season added to its log-odds; None where nothing, and in runs that did not record it."""

    drift: FeatureDrift | None = None
    """How far its features have moved since training; None where nothing can be said, and in runs that did not record it."""

    expected: EstimatedQuality | None = None
    """How good its values are expected to be, before anybody knows; None of what is no yes or no, and in runs that did not record it."""

    @property
    def scale(self) -> ScoreScale:
        """What score, lower and upper mean."""
        return SCALES[self.kind]


FactKind = Literal["number", "flag", "word", "date"]
FactUnit = Literal["", "days", "currency", "times", "share", "ratio"]
FactRole = Literal["", "recency", "frequency", "value"]


@dataclass(frozen=True)
class FactRun:
    """One fact of a run: a feature of a profile as it stood in the snapshot that was scored, beside its tags.

    Parameters
    ----------
    name : str
        As filters name it, and its column in the table ``profiles``: the feature's name, ``view.feature`` where an attribute
        or a tag is called the same.
    feature, view : str
        What it is in the feature tables; of a word the column of the view.
    title_en, title_zh : str
        With its window.
    view_en, view_zh : str
        What the view is called.
    kind : {"number", "flag", "word", "date"}
        A flag is stored as a boolean, a word as text; a date as a number: days from it to the day of the data, below 0 where
        it lies ahead.
    unit : str
        Of numbers and dates; ``share`` lies between 0 and 1, ``ratio`` has no unit, empty: nothing is known of it.
    window_days : int, optional
        Of how many days before the day of the data it is; None where it is of everything.
    role : str
        What it is in its view: ``recency``, ``frequency`` or ``value``.
    measure, measure_en, measure_zh : str
        What it measures, whatever the window: facts of one view and measure differ by window alone. Of days since something
        that happened its titles are what happened.
    since : {"", "first", "last"}
        Which time of something that happened it is the days since; null means that it never did.
    words : tuple of str
        Of a word: what it may say.
    """

    name: str
    feature: str
    view: str
    title_en: str
    title_zh: str
    view_en: str
    view_zh: str
    kind: FactKind = "number"
    unit: FactUnit = ""
    window_days: int | None = None
    role: FactRole = ""
    measure: str = ""
    measure_en: str = ""
    measure_zh: str = ""
    since: Literal["", "first", "last"] = ""
    words: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Its name with its view, which no other has."""
        return f"{self.view}.{self.feature}"

    @property
    def filter_kind(self) -> Literal["number", "boolean", "text"]:
        """What a filter compares it with."""
        kinds: dict[str, Literal["boolean", "text"]] = {"flag": "boolean", "word": "text"}
        return kinds.get(self.kind, "number")

    def title(self, language: str) -> str:
        """Return what people call it, in ``en`` or ``zh``."""
        return self.title_zh if language == "zh" else self.title_en

    def measure_title(self, language: str) -> str:
        """Return what people call what it measures, in ``en`` or ``zh``."""
        return self.measure_zh if language == "zh" else self.measure_en


@dataclass(frozen=True)
class RunInfo:
    """A scoring run.

    Parameters
    ----------
    run_id : str
    as_of : date
        Time from which the tags are.
    scored_at : datetime
        When they were made, UTC.
    tags : tuple of TagRun
    second_person : bool
        Whether a second person had to agree to what is published when it was scored; tags of other runs count as published.
    facts : tuple of FactRun
        What it keeps of features; none in runs that were published without.
    """

    run_id: str
    as_of: date
    scored_at: datetime
    tags: tuple[TagRun, ...]
    second_person: bool = False
    facts: tuple[FactRun, ...] = ()

    @property
    def amounts(self) -> frozenset[str]:
        """Names of the tags whose scores are amounts in the currency of the data."""
        return frozenset(tag.tag for tag in self.tags if tag.scale.in_currency)

    def life(self, tag: TagRun) -> timedelta:
        """Return for how long the values of one of its tags are good."""
        return timedelta(days=tag.life_days) or tag.expires_at - self.scored_at

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        plain = asdict(self)
        if not self.facts:
            del plain["facts"]
        plain["as_of"], plain["scored_at"] = self.as_of.isoformat(), self.scored_at.isoformat()
        for tag, row in zip(self.tags, plain["tags"], strict=True):
            row["expires_at"] = tag.expires_at.isoformat()
            row["expected"] = None if tag.expected is None else tag.expected.to_json()
            row["season"] = None if tag.season is None else tag.season.to_json()
        return plain

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RunInfo:
        """Read what :meth:`to_json` wrote."""
        tags = tuple(
            TagRun(
                **{
                    **row,
                    "path": tuple(row["path"]),
                    "bands": tuple(row["bands"]),
                    "values": tuple(row["values"]),
                    "kind": row["kind"],
                    "expires_at": datetime.fromisoformat(row["expires_at"]),
                    "outlook": AmountOutlook.from_json(row["outlook"]) if row.get("outlook") else None,
                    "season": SeasonOffset.from_json(row["season"]) if row.get("season") else None,
                    "drift": FeatureDrift.from_json(row["drift"]) if row.get("drift") else None,
                    "expected": EstimatedQuality.from_json(row["expected"]) if row.get("expected") else None,
                }
            )
            for row in data["tags"]
        )
        scored_at = datetime.fromisoformat(data["scored_at"])
        second_person = bool(data.get("second_person", False))
        facts = tuple(FactRun(**{**row, "words": tuple(row["words"])}) for row in data.get("facts", ()))
        return cls(
            str(data["run_id"]), date.fromisoformat(data["as_of"]), scored_at, tags, second_person, facts
        )


_WORD, _TEXT = pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int16(), pa.string())
STAGED = {
    "value": _WORD,
    "unknown_because": _TEXT,
    "score": pa.float64(),
    "lower": pa.float64(),
    "upper": pa.float64(),
    "confidence": pa.float64(),
    "band": _WORD,
    "reasons": REASONS,
    "reasons_method": _WORD,
}
"""What a run stages of each tag; null for profiles beyond its population."""


def tag_fields(tag: str) -> list[pa.Field]:
    """Return the staged columns of one tag."""
    return [pa.field(column_name(tag, part), kind) for part, kind in STAGED.items()]


def column_name(tag: str, part: str) -> str:
    """Return the wide table's column for a part of a tag; a colon keeps it apart from every attribute."""
    return f"{tag}:{part}"


def attribute_field(name: str, stored: pa.DataType, kind: str) -> pa.Field:
    """Return the column of an attribute; one of dates, which are stored as text, says so."""
    return pa.field(name, stored, metadata={_KIND: kind} if kind == "date" else None)


def attribute_kind(field: pa.Field) -> str | None:
    """Return what :func:`attribute_field` noted; None where the type says it."""
    noted = (field.metadata or {}).get(_KIND.encode())
    return None if noted is None else str(noted, "utf-8")
