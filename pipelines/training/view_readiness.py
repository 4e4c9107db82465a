"""What each declared view holds of the profiles: how many it covers, from when to when, and what of it would teach little."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from glob import escape
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.messages import NOTHING, Joined, Text, msg

if TYPE_CHECKING:
    from tagcast.features.catalog.related.declaration import RelatedDeclaration
    from tagcast.features.catalog.view_files import ViewDeclaration
    from tagcast.pipelines.project.project import Project

FEW = 0.05
"""Share of the profiles below which a view says something of too few to be learned from."""
STALE_DAYS = 90
"""Without a new row for so long, a table is probably no longer filled."""


@dataclass(frozen=True)
class ViewReadiness:
    """One declared view, as of the day of training.

    Parameters
    ----------
    view : str
    kind : {"aggregates", "attributes", "feast", "related", "sql"}
    features : int
    rows : int
        Rows of its table that were known, events that it counts, or rows that its query gives.
    profiles, known_profiles : int
        Profiles of the events that it has something of, and all of them.
    first_day, last_day : date or None
        Of those rows; None where attributes are constant, or there is none.
    late_days : int or None
        Days from which a row is true to the day on which it was written, in the middle; None where nobody says.
    level : str
        ``ok``, ``warning`` or ``error``.
    message, hint : Message or str
    """

    view: str
    kind: str
    features: int
    rows: int
    profiles: int
    known_profiles: int
    first_day: date | None
    last_day: date | None
    late_days: int | None
    level: str
    message: Text | Joined
    hint: Text | Joined

    @property
    def coverage(self) -> float:
        """The share of the profiles that it has something of."""
        return self.profiles / self.known_profiles if self.known_profiles else 0.0


def view_readiness(project: Project, as_of: date) -> Iterator[ViewReadiness]:
    """Yield what each declared view holds before ``as_of``."""
    from tagcast.features.catalog.view_files import declared_views

    widest = project.widest_set(as_of)
    for view in declared_views(project.settings):
        rows, profiles, everyone, first, last, late = _facts(project, view, as_of)
        level, message, hint = _problem(rows, profiles, everyone, last, as_of)
        if level == "ok" and (share := project.events.late_share(view.view)):
            level = "warning"
            message = msg(
                "{share:.1%} of its rows were not there yet at a load after the day from which they say to be true",
                share=share,
            )
            hint = msg(
                "name the column of when they were written (seen_at): before it nobody could know them"
            )
        if level == "ok" and (unmet := _never_met(project, view, as_of)):
            level, message, hint = "warning", *unmet
        yield ViewReadiness(
            view.view,
            view.kind,
            len(widest.features(view.view)),
            rows,
            profiles,
            everyone,
            first,
            last,
            late,
            level,
            message,
            hint,
        )


def _facts(project: Project, view: ViewDeclaration, as_of: date) -> tuple[Any, ...]:
    """Return rows, their profiles, all profiles, the first and the last day, and how late rows are written."""
    from tagcast.features.catalog.aggregates_declaration import AggregatesDeclaration
    from tagcast.features.catalog.feast_views import FeastDeclaration
    from tagcast.features.catalog.related.declaration import RelatedDeclaration
    from tagcast.features.catalog.sql_views import SqlDeclaration
    from tagcast.features.catalog.view_declarations import AttributesDeclaration
    from tagcast.features.compute.levels import before, parquet
    from tagcast.features.compute.view_queries import running, sql_rows
    from tagcast.features.ingest.log_columns import column_kinds, log_columns, view_expression
    from tagcast.features.ingest.queries.sql_views import settled_sql

    events, day = project.events.glob, exp.column("event_day")
    table, late = events, exp.cast(exp.null(), "BIGINT")
    if isinstance(view, AttributesDeclaration):
        table = escape(str(project.events.view_file(view.view)))
        day = exp.column("known_day")
        if view.source.seen_at is not None:
            days = exp.DateDiff(
                this=exp.column("known_at"), expression=exp.column("valid_from"), unit=exp.var("DAY")
            )
            late = exp.cast(exp.Median(this=days), "BIGINT")
    rows = exp.select("*").from_(parquet(table)).where(before(day.name, as_of))
    if isinstance(view, RelatedDeclaration):
        rows = _naming_both(project, view, as_of)
    elif isinstance(view, FeastDeclaration):
        # A row stands for everybody: somebody is covered by a feature alone.
        there = [exp.column(name, quoted=True) for name in project.view_tables.repos.declared(view).columns]
        fetched = parquet(escape(str(project.view_tables.view_file_at(view.view, as_of))))
        rows = exp.select("profile_id", exp.alias_(exp.cast(exp.null(), "DATE"), day.name)).from_(fetched)
        rows = rows.where(exp.or_(*(column.is_(exp.null()).not_() for column in there)))
    elif isinstance(view, SqlDeclaration):
        settled = settled_sql(view, project.settings)
        answer = sql_rows(settled, log_columns(project.settings), as_of, parquet(events)).subquery("q")
        rows = exp.select("profile_id", exp.alias_(exp.cast(exp.null(), "DATE"), day.name)).from_(answer)
    elif isinstance(view, AggregatesDeclaration) and view.where:
        rows = rows.where(view_expression(view.where, column_kinds(project.settings), view.place))
    known = exp.select("profile_id").distinct().from_(parquet(events))
    known = known.where(before("event_day", as_of))
    found = exp.select(
        exp.Count(this=exp.Star()),
        exp.Count(this=exp.Distinct(expressions=[exp.column("profile_id", "k")])),
        exp.select(exp.Count(this=exp.Star())).from_(known.subquery("a")).subquery(),
        exp.Min(this=day.copy()),
        exp.Max(this=day.copy()),
        late,
    ).from_(rows.subquery("r"))
    same = exp.column("profile_id", "r").eq(exp.column("profile_id", "k"))
    with running(view.view):
        (facts,) = project.duckdb.con.execute(
            found.join(known.subquery("k"), on=same, join_type="left").sql("duckdb")
        ).fetchall()
    if isinstance(view, AttributesDeclaration) and view.source.constant:
        return (*facts[:3], None, None, None)
    return tuple(facts)


def _naming_both(project: Project, view: RelatedDeclaration, as_of: date) -> exp.Select:
    """Return the events before ``as_of`` that name somebody of the project and somebody of the other entity."""
    from tagcast.features.compute.levels import before, parquet
    from tagcast.features.entities.relations import relation_between

    other = view.related.entity
    relation = relation_between(project.settings, view.entity[0], other)
    assert relation is not None  # noqa: S101 - declared_views has checked it
    log = project.events if relation.own else project.of(other).events
    named = exp.column(relation.column, quoted=True)
    who = exp.column("profile_id") if relation.own else named
    rows = exp.select(exp.alias_(who.copy(), "profile_id"), "event_day").from_(parquet(log.glob))
    return rows.where(before("event_day", as_of), named.is_(exp.null()).not_())


def _never_met(project: Project, view: ViewDeclaration, as_of: date) -> tuple[Text, Text] | None:
    """Return what to say of a condition on event names that no event has: its feature would be the same for everybody."""
    from tagcast.features.catalog.aggregates_declaration import AggregatesDeclaration
    from tagcast.features.catalog.sql_views import SqlDeclaration, parsed_query
    from tagcast.features.ingest.aggregates import conditions
    from tagcast.features.ingest.log_columns import column_kinds, never_met, unmet_names
    from tagcast.features.ingest.sql_allow_list import checked

    names, kinds = project.events.event_names_before(as_of), column_kinds(project.settings)
    trees: list[tuple[str, exp.Expr]] = []
    if isinstance(view, SqlDeclaration):
        trees = [(f"{view.place}: sql", parsed_query(view.sql))]
    elif isinstance(view, AggregatesDeclaration):
        trees = [(place, checked(text, kinds, place)) for place, text in conditions(view)]
    for place, tree in trees:
        if asked := unmet_names(tree, names):
            return never_met(place, asked, names)
    return None


def _problem(
    rows: int, profiles: int, everyone: int, last: date | None, as_of: date
) -> tuple[str, Text | Joined, Text | Joined]:
    if not rows:
        return (
            "warning",
            msg(
                "nothing of it was known before {as_of}: its features are unknown for everybody", as_of=as_of
            ),
            msg("check where, or valid_from and seen_at"),
        )
    if not profiles:
        return (
            "error",
            msg("none of its ids is a profile of the events"),
            msg("check key: it has to hold the ids of the sources' profile_id, written as there"),
        )
    if last is not None and last < as_of - timedelta(days=STALE_DAYS):
        return (
            "warning",
            msg("nothing new since {last}: what models learn of it grows old", last=last),
            msg("bring its table up to date, or leave it out of features"),
        )
    if profiles < FEW * everyone:
        return (
            "warning",
            msg("it has something of {share:.1%} of the profiles", share=profiles / everyone),
            msg("check key, or expect little of it"),
        )
    return "ok", NOTHING, NOTHING
