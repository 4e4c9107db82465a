"""Who joined and left a saved audience since the run before, and why.

Members are listed in both runs by rising id and merged; of those who are in one list alone the columns that the filter names are
read from both runs. Then one thing after the other is taken from the active run instead of the one before: the values of each tag,
each attribute, the filter, what has expired. The last step that changes whether somebody is a member is the reason, so that each of
them counts once and the reasons add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlglot import exp

from tagcast.features.core.messages import msg
from tagcast.models.filters.conditions import Filter, InAudience
from tagcast.registry.governance.audiences.membership_changes import Cause, MembershipChange, Reason
from tagcast.serving.filters.filter_sql import condition
from tagcast.serving.filters.where import quoted
from tagcast.serving.store.merge_join import MergeJoin

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.serving.audiences.over_time.two_runs import Side, TwoRuns
    from tagcast.serving.store.base import StoreReader
    from tagcast.serving.store.manifest import Manifest

IDS_AT_ONCE = 100_000
"""Whose columns are read, and whose reasons are found, together."""
EXAMPLES = 10
"""Of those who joined, and of those who left."""
_CAUSES: tuple[Cause, ...] = ("data", "consent", "attribute", "model", "tag_definition")
"""In the order in which columns are taken from the active run."""
Direction = Literal["joined", "left"]


class Example(NamedTuple):
    """Somebody who joined or left, and why."""

    profile_id: str
    direction: Direction
    cause: Cause
    field: str


@dataclass(frozen=True)
class Moved:
    """A change of an audience, with a few of those who joined and left, by rising id."""

    change: MembershipChange
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class _Step:
    """What is taken from the active run next: columns, or the filter, or what has expired."""

    cause: Cause
    field: str
    columns: frozenset[str] = frozenset()


def moved_between(runs: TwoRuns, readers: tuple[StoreReader, StoreReader], consents: Sequence[str]) -> Moved:
    """Return who joined and left an audience between two runs.

    Parameters
    ----------
    runs : TwoRuns
    readers : pair of StoreReader
        Of the run before and of the active one, as they may be seen.
    consents : sequence of str
        Attributes that say consent to a channel.
    """
    ids, sizes = _changed(runs, readers)
    counted: Counter[tuple[Cause, str, Direction]] = Counter()
    examples: dict[Direction, list[Example]] = {"joined": [], "left": []}
    for direction in ("joined", "left"):
        for start in range(0, len(ids[direction]), IDS_AT_ONCE):
            some = ids[direction][start : start + IDS_AT_ONCE]
            for profile_id, (cause, field) in zip(
                some, _reasons(runs, readers, some, consents, direction), strict=True
            ):
                counted[cause, field, direction] += 1
                if len(examples[direction]) < EXAMPLES:
                    examples[direction].append(Example(profile_id, direction, cause, field))
    reasons = [
        Reason(cause, field, counted[cause, field, "joined"], counted[cause, field, "left"])
        for cause, field in {(cause, field) for cause, field, _ in counted}
    ]
    reasons.sort(key=lambda one: (-(one.joined + one.left), one.cause, one.field))
    before, now = runs.before.manifest, runs.now.manifest
    change = MembershipChange(
        before.number, now.number, *sizes, len(ids["joined"]), len(ids["left"]), tuple(reasons)
    )
    return Moved(change, (*examples["joined"], *examples["left"]))


def _changed(
    runs: TwoRuns, readers: tuple[StoreReader, StoreReader]
) -> tuple[dict[Direction, list[str]], tuple[int, int]]:
    """Return who is a member in one run alone, by rising id, and how many there are in both."""
    import pyarrow as pa
    import pyarrow.compute as pc

    was, members = 0, 0
    ids: dict[Direction, list[str]] = {"joined": [], "left": []}
    old, new = (_members(side, reader) for side, reader in zip((runs.before, runs.now), readers, strict=True))
    earlier = MergeJoin(old, msg("the run {run}", run=runs.before.manifest.number))
    nobody = pa.array([], pa.string())
    for batch in new:
        there = batch.column(0)
        table = earlier.up_to(str(there[-1]))
        before = nobody if table is None else table.column(0).combine_chunks()
        ids["joined"] += there.filter(pc.invert(pc.is_in(there, value_set=before))).to_pylist()
        ids["left"] += before.filter(pc.invert(pc.is_in(before, value_set=there))).to_pylist()
        was, members = was + len(before), members + len(there)
    rest = earlier.up_to(None)
    if rest is not None:
        ids["left"] += rest.column(0).to_pylist()
        was += rest.num_rows
    return ids, (was, members)


def _members(side: Side, reader: StoreReader) -> Iterator[pa.RecordBatch]:
    query = exp.select("profile_id").from_("profiles").where(side.members).order_by("profile_id")
    for batch in reader.query(query):
        if batch.num_rows:
            yield batch


def _reasons(
    runs: TwoRuns,
    readers: tuple[StoreReader, StoreReader],
    ids: Sequence[str],
    consents: Sequence[str],
    direction: Direction,
) -> list[tuple[Cause, str]]:
    """Return why each of some profiles joined, or left."""
    frame = _Frame(runs, readers, ids)
    missing = ~frame.there[0 if direction == "joined" else 1]
    found: list[tuple[Cause, str]] = [("new" if direction == "joined" else "gone", "")] * len(ids)
    if missing.all():
        return found
    steps = _steps(runs, frame.columns, consents)
    last = frame.members(frozenset(), edited=False, expired=runs.before.expired)
    taken: frozenset[str] = frozenset()
    edited, expired = False, runs.before.expired
    reason = np.full(len(ids), -1)
    for place, step in enumerate(steps):
        taken |= step.columns
        edited |= step.cause == "audience_definition"
        expired = expired ^ {step.field} if step.cause == "expired" else expired
        members = frame.members(taken, edited=edited, expired=expired)
        reason[members != last] = place
        last = members
    for row in np.flatnonzero(~missing):
        step = steps[reason[row]]
        found[row] = step.cause, step.field
    return found


def _steps(runs: TwoRuns, columns: Sequence[str], consents: Sequence[str]) -> list[_Step]:
    """Return what is taken from the active run, step by step."""
    by_field: dict[tuple[Cause, str], set[str]] = {}
    for column in columns:
        tag, colon, _ = column.rpartition(":")
        known = colon and any(
            one.tag == tag for side in (runs.before, runs.now) for one in side.manifest.run.tags
        )
        if known:
            cause = cause_of_tag(tag, runs.before.manifest, runs.now.manifest)
        elif column in runs.now.manifest.attributes or column in runs.before.manifest.attributes:
            cause = "consent" if column in consents else "attribute"
        else:
            cause = "data"
        by_field.setdefault((cause, tag if known else column), set()).add(column)
    steps = [
        _Step(cause, field, frozenset(some))
        for (cause, field), some in sorted(
            by_field.items(), key=lambda item: (_CAUSES.index(item[0][0]), item[0][1])
        )
    ]
    steps.append(_Step("audience_definition", ""))
    changed = sorted(runs.before.expired ^ runs.now.expired)
    return [*steps, *(_Step("expired", tag) for tag in changed)]


def cause_of_tag(tag: str, before: Manifest, now: Manifest) -> Cause:
    """Return what a change of a tag's values between two runs is due to.

    Where it has another model version or threshold, all of its changes count as the model's: what new data would have changed
    alone is known of a sample (:mod:`tagcast.serving.scoring.change_attribution`), not of each profile.
    """
    was, became = ({one.tag: one for one in run.run.tags}.get(tag) for run in (before, now))
    if was is None or became is None or was.kind != became.kind:
        return "tag_definition"
    if was.question and became.question and was.question != became.question:
        return "tag_definition"
    if became.kind == "rule":
        return "data"
    same = was.model_version == became.model_version and was.deciding in {became.deciding, ""}
    thresholds = {run.tags[tag].threshold for run in (before, now) if tag in run.tags}
    return "data" if same and len(thresholds) <= 1 else "model"


class _Frame:
    """Some profiles with the columns that either filter names, of both runs side by side."""

    def __init__(self, runs: TwoRuns, readers: tuple[StoreReader, StoreReader], ids: Sequence[str]) -> None:
        import duckdb
        import pyarrow as pa
        import pyarrow.compute as pc

        self._runs = runs
        asked = pa.array(ids, pa.string())
        self._some = frozenset(ids)
        named = {
            column.name
            for side in (runs.before, runs.now)
            for column in side.members.find_all(exp.Column)
            if column.name != "profile_id"
        }
        # Conditions on what has expired name no column, and have to be asked as if it had not.
        for side in (runs.before, runs.now):
            alive = side.condition(side.resolved.whole, side.resolved.frozen, ())
            named |= {c.name for c in alive.find_all(exp.Column) if c.name != "profile_id"}
        self.columns = sorted(named)
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("SET enable_external_access = false")
        self.there: list[npt.NDArray[np.bool_]] = []
        for place, (side, reader) in enumerate(zip((runs.before, runs.now), readers, strict=True)):
            table = _values(side.manifest, reader, ids, self.columns)
            there = pc.is_in(asked, value_set=table["profile_id"].combine_chunks())
            self.there.append(there.to_numpy(zero_copy_only=False))
            self._connection.register(f"run{place}", table)
        self._connection.register("ids", pa.table({"profile_id": asked, "row": range(len(ids))}))

    def members(
        self, taken: frozenset[str], *, edited: bool, expired: frozenset[str]
    ) -> npt.NDArray[np.bool_]:
        """Return who would be a member with these columns of the active run and the others of the one before."""
        side = self._runs.now if edited else self._runs.before
        frozen = {name: self._some.intersection(ids) for name, ids in side.resolved.frozen.items()}
        where = side.condition(side.resolved.whole, frozen, expired)
        columns = [
            exp.alias_(
                exp.column(
                    exp.to_identifier(name, quoted=True), table="run1" if edited or name in taken else "run0"
                ),
                name,
                quoted=True,
            )
            for name in self.columns
        ]
        profiles = (
            exp.select(exp.column("profile_id", table="ids"), exp.column("row", table="ids"), *columns)
            .from_("ids")
            .join("run0", on="run0.profile_id = ids.profile_id", join_type="left")
            .join("run1", on="run1.profile_id = ids.profile_id", join_type="left")
        )
        query = exp.select(exp.Coalesce(this=exp.paren(where), expressions=[exp.false()]).as_("member"))
        query = query.from_(profiles.subquery("profiles")).order_by("row")
        answer = self._connection.execute(query.sql("duckdb")).fetchnumpy()["member"]
        return np.asarray(answer, bool)


def _values(manifest: Manifest, reader: StoreReader, ids: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """Return columns of some profiles of a run; what the run does not have is null."""
    import pyarrow as pa

    tags = {tag.tag for tag in manifest.run.tags}
    plain_names = {*manifest.attributes, *(fact.name for fact in manifest.run.facts)}
    there = [one for one in columns if one in plain_names or one.rpartition(":")[0] in tags]
    listed = condition(
        Filter(root=InAudience(name="moved")),
        expires_at={},
        now=manifest.run.scored_at,
        frozen={"moved": ids},
    )
    query = exp.select("profile_id", *[quoted(one) for one in there]).from_("profiles").where(listed)
    table = reader.query(query).read_all()
    plain = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    found = pa.table(plain, names=table.column_names)
    for column in columns:
        if column not in there:
            found = found.append_column(column, pa.nulls(found.num_rows, pa.string()))
    return found
