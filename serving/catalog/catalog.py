"""The catalogue: every tag with what is known of it, and what a person may filter by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import Message, msg
from tagcast.models.filters.fields import UNKNOWN
from tagcast.registry.access.roles import require
from tagcast.registry.governance.lifecycle import Status, status_of
from tagcast.serving.catalog.category_size_checks import LeafWarning, leaf_warnings
from tagcast.serving.catalog.cautions import valid_until
from tagcast.serving.catalog.definition_text import question_words
from tagcast.serving.catalog.known_tags import (
    Kind,
    KnownTag,
    hidden_tags,
    known_tags,
    may_see,
    published_unasked,
)
from tagcast.serving.catalog.search import ENOUGH, relevance
from tagcast.serving.catalog.shown_counts import shown_floor, shown_size, smallest_cell
from tagcast.serving.filters.value_counts import VisibleCounts, visible_counts

if TYPE_CHECKING:
    from tagcast.models.filters.names import Names
    from tagcast.registry.access.roles import Person
    from tagcast.serving.context import ServiceContext

Language = Literal["en", "zh"]
QUALITY = ("auc", "log_loss", "mae", "baseline_mae", "tier_accuracy")


@dataclass(frozen=True)
class TagRow:
    """One tag of the catalogue.

    Parameters
    ----------
    name : str
    title : dict of str to str
        By language: ``en``, ``zh``.
    path : tuple of str
        Where it hangs in the tag tree.
    owner : str
    status : Status
        Where it stands in its life.
    kind : {"model", "amount", "uplift", "rule"}
    values : tuple of str
        Its values beside unknown, in order.
    population : int or None
        Profiles of which it speaks in the active run; None where it was not scored. Whoever may not look at single profiles
        gets all numbers of profiles rounded down (:mod:`tagcast.serving.catalog.shown_counts`); whoever sees some profiles
        only, those of these profiles.
    coverage : float or None
        Their share of all profiles.
    predicted : dict of str to int
        Profiles of each value; unknown among them.
    mean_confidence : float or None
        Over the values predicted.
    grade : str or None
        A to D, of the champion's card; None where there is no card.
    expires_at : datetime or None
    expired : bool
        Whether that has passed: it may still be filtered by, but holds the past.
    valid_until : date or None
        The last day of its values, counted from the day of the data.
    out_of_date : bool
        Whether that has passed.
    sensitivity : {"normal", "sensitive"}
    refreshed_at : datetime or None
        When it was scored last.
    champion : int or None
        Version of the active model.
    reservations : tuple of str
        What its gate held against it without refusing it: ``calibrated``, ``covers``, ``keeps_promise``.
    quality : dict of str to float
        Of its test snapshot: ``auc`` and ``log_loss``; of an amount ``mae``, ``baseline_mae`` and ``tier_accuracy``.
    """

    name: str
    title: dict[str, str]
    path: tuple[str, ...]
    owner: str
    status: Status
    kind: Kind
    values: tuple[str, ...]
    population: int | None
    coverage: float | None
    predicted: dict[str, int]
    mean_confidence: float | None
    grade: str | None
    expires_at: datetime | None
    expired: bool
    valid_until: date | None
    out_of_date: bool
    sensitivity: str
    refreshed_at: datetime | None
    champion: int | None
    reservations: tuple[str, ...]
    quality: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def tags(
    context: ServiceContext,
    person: Person,
    *,
    query: str = "",
    language: Language = "en",
    owner: str | None = None,
    status: str | None = None,
    path: Sequence[str] | None = None,
) -> list[TagRow]:
    """Return the tags of the catalogue that ``person`` may see.

    Parameters
    ----------
    context, person : ServiceContext, Person
    query : str
        Part of a name, title, description or category in either language, also nearly right.
    language : {"en", "zh"}
        Whose titles set the order within a category.
    owner, status : str, optional
        Only tags of these.
    path : sequence of str, optional
        Only tags at or below this place of the tree.

    Returns
    -------
    list of TagRow
        In the order of the tree; with a query the nearest first.
    """
    require(person, "see")
    known = {name: tag for name, tag in known_tags(context).items() if may_see(person, tag)}
    statuses = statuses_of(context, known)
    counts = visible_counts(context, person)
    cell = smallest_cell(context, person)
    found = []
    for name, tag in known.items():
        matches = (
            (owner is None or tag.owner == owner)
            and (status is None or statuses[name] == status)
            and (not path or tag.path[: len(path)] == tuple(path))
        )
        score = relevance(query, _texts(tag)) if matches else 0.0
        if score >= ENOUGH:
            found.append((-score if query.strip() else 0.0, _row(context, tag, statuses[name], counts, cell)))
    return [row for _, row in sorted(found, key=lambda f: (f[0], f[1].path, f[1].title[language], f[1].name))]


def row_of(context: ServiceContext, person: Person, tag: KnownTag) -> TagRow:
    """Return the row of one tag."""
    status, cell = statuses_of(context, [tag.name])[tag.name], smallest_cell(context, person)
    return _row(context, tag, status, visible_counts(context, person), cell)


def owners(context: ServiceContext) -> list[str]:
    """Return who owns a tag, by name."""
    return sorted({tag.owner for tag in known_tags(context).values()})


def tree_leaves(context: ServiceContext) -> list[LeafWarning]:
    """Return the leaf categories of the tree that hold too few or too many tags; what is retired does not count."""
    known = known_tags(context)
    statuses = statuses_of(context, known)
    return leaf_warnings(tag.path for name, tag in known.items() if statuses[name] != "retired")


def tree_warnings(context: ServiceContext) -> list[Message]:
    """Return :func:`tree_leaves` in words."""
    return [leaf.text for leaf in tree_leaves(context)]


def statuses_of(context: ServiceContext, names: Iterable[str]) -> dict[str, Status]:
    """Return where tags stand in their lives."""
    return status_of(context.state, list(names), published=published_unasked(context))


def visible_names(context: ServiceContext, person: Person) -> Names:
    """Return what a filter of ``person`` may use in the active run.

    Tags that are not published are for who may review, sensitive ones for who has the right; expired ones stay.

    Raises
    ------
    StoreError
        When nothing was published yet.
    """
    from tagcast.features.ingest.attributes.keyed_digests import hashed_columns
    from tagcast.models.filters.names import Names
    from tagcast.serving.catalog.unavailable_tags import why_unavailable
    from tagcast.serving.filters.where import fact_names

    require(person, "filter")
    manifest = context.store.current()
    if manifest is None:
        raise StoreError(
            msg("nothing has been published yet"),
            hint=msg("run {command} first", command="tagcast score --all"),
        )
    statuses = statuses_of(context, [tag.tag for tag in manifest.run.tags])
    reviews, hidden = person.may("review"), hidden_tags(context, person)
    visible = [
        tag
        for tag in manifest.run.tags
        if tag.tag not in hidden and (reviews or statuses[tag.tag] == "published")
    ]
    return Names(
        {t.tag: t.bands for t in visible},
        manifest.attributes,
        {t.tag: t.values for t in visible},
        **fact_names(manifest.run),
        unavailable=partial(why_unavailable, context, person),
        digests=hashed_columns(context.settings),
    )


def _texts(tag: KnownTag) -> list[tuple[str, float]]:
    texts = [(tag.name, 1.0), *((title, 1.0) for title in tag.title.values()), (" ".join(tag.path), 0.9)]
    if tag.definition is not None:
        texts += [(tag.definition.description.en, 0.85), (tag.definition.description.zh, 0.85)]
        texts += [(question_words(tag.definition, "en"), 0.8), (question_words(tag.definition, "zh"), 0.8)]
    return texts


def _row(context: ServiceContext, tag: KnownTag, status: Status, visible: VisibleCounts, cell: int) -> TagRow:
    run, summary = tag.run, visible.tags.get(tag.name)
    population = shown_size(summary.population, cell) if summary else None
    counts = {value: summary.predicted.get(value, 0) for value in tag.values} if summary else {}
    if summary and summary.unknown:
        counts[UNKNOWN] = summary.unknown
    counts = {value: shown_size(n, cell) for value, n in counts.items()}
    manifest = context.store.current()
    until = valid_until(manifest.run, run) if manifest and run else None
    measured = tag.champion.metrics if tag.champion else {}
    return TagRow(
        name=tag.name,
        title=tag.title,
        path=tag.path,
        owner=tag.owner,
        status=status,
        kind=tag.kind,
        values=tag.values,
        population=population,
        coverage=population / visible.profiles if population is not None and visible.profiles else None,
        predicted=counts,
        mean_confidence=shown_floor(summary.mean_confidence, cell) if summary else None,
        grade=tag.champion.grade if tag.champion else None,
        expires_at=run.expires_at if run else None,
        expired=run is not None and run.expires_at <= context.now,
        valid_until=until,
        out_of_date=until is not None and until < context.now.date(),
        sensitivity=tag.sensitivity,
        refreshed_at=manifest.run.scored_at if manifest and run else None,
        champion=tag.champion.version if tag.champion else None,
        reservations=tag.champion.reservations if tag.champion else (),
        quality={name: measured[name] for name in QUALITY if name in measured},
    )
