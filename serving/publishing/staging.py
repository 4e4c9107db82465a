"""A run on its way into the store: collected aside batch by batch, checked, held against the last one, published whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from tagcast.features.core.engines.engine import ONE_MACHINE, Engine
from tagcast.features.core.engines.key_ranges import EVERYONE
from tagcast.features.core.errors import RunRefusedError, StoreError
from tagcast.features.core.messages import Joined, Message, Text, listed, msg
from tagcast.features.core.telemetry.traces import traced
from tagcast.serving.publishing.parts.joined_parts import joined
from tagcast.serving.publishing.parts.part_layout import LaidOut, LayOut, together, with_percentiles
from tagcast.serving.publishing.parts.staged_part import PartWriter, StagedPart
from tagcast.serving.publishing.parts.tag_percentiles import TagPercentiles
from tagcast.serving.publishing.reference_run import reference_run
from tagcast.serving.publishing.run_checks import Bounds, differs
from tagcast.serving.store.manifest import Entry, Manifest
from tagcast.serving.store.schema import RunInfo, attribute_kind

if TYPE_CHECKING:
    from tagcast.serving.store.base import ProfileStore

log = logging.getLogger("tagcast")

_KINDS = {
    pa.string(): "text",
    pa.large_string(): "text",
    pa.float64(): "number",
    pa.bool_(): "boolean",
}


class Staging:
    """Collects one run; made by :func:`tagcast.serving.publishing.publication.stage_run`.

    A run comes in parts, ranges of profiles in their order, or batch by batch as a single one. What depends on everyone
    (percentiles, checks, movement) is put together from what the parts know.

    Parameters
    ----------
    store : ProfileStore
    folder : Path
        The writer's own.
    engine : Engine
        Where percentiles are worked out.
    shared : Path, optional
        A folder that the engine's tasks see; the writer's own by default.
    """

    def __init__(self, store: ProfileStore, folder: Path, engine: Engine, shared: Path | None = None) -> None:
        self.store = store
        self.folder = folder
        self.shared = shared or folder
        self._engine = engine
        self._parts: Sequence[StagedPart] = ()
        self._writer: PartWriter | None = None

    def close(self) -> None:
        """Let go of what was not published."""
        if self._writer is not None:
            self._writer.__exit__(None, None, None)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add profiles by rising id, of a run that is a single part (:meth:`PartWriter.add`)."""
        with self.store.errors():
            if self._writer is None:
                self._writer = PartWriter(self.folder / "part", EVERYONE)
            self._writer.add(batch)

    def take(self, parts: Sequence[StagedPart]) -> None:
        """Take the parts of the run, in their order."""
        self._parts = parts

    @traced("publish")
    def publish(
        self,
        run: RunInfo,
        *,
        keep: int,
        thresholds: Mapping[str, float] | None = None,
        bounds: Bounds | None = None,
        accept: str = "",
        beside: bool = False,
        activating: Callable[[], None] = lambda: None,
    ) -> Manifest:
        """Lay the run out, check it, hold it against the last one, and activate it.

        Parameters
        ----------
        run : RunInfo
        keep : int
            Published runs kept, this one among them.
        thresholds : mapping of str to float, optional
            Score from which each tag's value is yes.
        bounds : Bounds, optional
            How far it may differ from the active run; None does not compare.
        accept : str
            Why it may differ further; recorded in the log.
        beside : bool
            Whether to keep it for the history and leave the active run active: it is of an older day.
        activating : callable
            Is called once everything is checked, right before the run becomes active.

        Raises
        ------
        RunRefusedError
            With the figures of the check that failed. The active run stays.
        StoreError
            When it cannot be written. The active run stays.
        """
        store = self.store
        with store.errors():
            if self._writer is not None:
                self._parts = [self._writer.finish()]
        parts = [part for part in self._parts if part.profiles]
        profiles, tags = (
            sum(part.profiles for part in parts),
            sorted({t for part in parts for t in part.tags}),
        )
        if not profiles or {t.tag for t in run.tags} != set(tags):
            raise RunRefusedError(
                msg(
                    "the run is empty: it has {profiles:,} profiles and these tags: {tags}",
                    profiles=profiles,
                    tags=listed(tags) or msg("none"),
                ),
                hint=msg("check the population of the tags"),
            )
        with store.errors():
            number, changes = store.next_number(), self.folder / "changes.parquet"
            before = self._active()
            found, sizes, schema = self._write(number, run, None if beside else before)
            whole = together(found, run, profiles, changes)
            if whole.problem is not None:
                _warn_of_damage(whole.problem)
            if failed := whole.checks.failed():
                store.drop([number])
                raise RunRefusedError(
                    msg("the run was not published: {problems}", problems=listed(failed, "sentences")),
                    hint=msg("score again; if it stays, check the feature tables"),
                )
            manifest = Manifest(
                run,
                number,
                sum(sizes),
                profiles,
                sum(tag.population for tag in run.tags),
                {
                    f.name: attribute_kind(f) or _KINDS[f.type]
                    for f in schema
                    if ":" not in f.name and f.name not in {"profile_id", *(fact.name for fact in run.facts)}
                },
                whole.checks.summaries(dict(thresholds or {})),
                whole.transitions or {},
                sizes,
            )
            if beside and before is not None:
                activating()
                kept = Entry(number, "keep", run.scored_at, before, accept, kept=manifest)
                store.activate(kept, changes)
                self._forget_old(keep)
                return manifest
            differences = (
                [] if before is None or bounds is None else self._differences(manifest, before, bounds)
            )
            if differences and not accept:
                store.drop([number])
                raise RunRefusedError(
                    msg(
                        "the run was not published, it differs from the last one ({last}) or from those before by more "
                        "than [publish] allows: {differences}",
                        last=before and before.run.run_id,
                        differences=listed(differences, "sentences"),
                    ),
                    hint=msg(
                        "look at the sources; if it is right, run {command}",
                        command="tagcast score --all --force --reason WHY",
                    ),
                )
            compared = whole.transitions is not None
            activating()
            store.activate(Entry(number, "publish", run.scored_at, manifest, accept, compared), changes)
        self._forget_old(keep)
        return manifest

    def _differences(self, run: Manifest, last: Manifest, bounds: Bounds) -> list[Message]:
        """Return where a run differs too far from the last one, or from one some weeks back that it came to by steps."""
        if found := differs(run, last, bounds):
            return found
        reference = reference_run(self.store.log(), run.run.as_of, bounds.reference_days)
        if reference is None or reference.number == last.number:
            return []
        day = msg("in the run of {as_of}", as_of=reference.run.as_of)
        return differs(run, reference, bounds, where=day)

    def _forget_old(self, keep: int) -> None:
        try:
            with self.store.errors():
                self.store.forget_old(keep)
        except StoreError as error:  # the run is active all the same: to report a failure would be wrong
            log.warning(
                msg(
                    "older runs could not be deleted, the next publication deletes them: {problem}",
                    problem=error.message,
                )
            )

    def _active(self) -> Manifest | None:
        """Return the active run; None where there is none, or what is active cannot be read."""
        try:
            return self.store.current()
        except StoreError as error:
            _warn_of_damage(error.message)
            return None

    def _write(
        self, number: int, run: RunInfo, last: Manifest | None
    ) -> tuple[list[LaidOut], tuple[int, ...], pa.Schema]:
        """Write rows aside, and what changed against ``last``; return how each part came out, the sizes, and the staged columns."""
        parts, percentiles = joined(self._parts), self._percentiles(tuple(self._parts))
        with next(part for part in self._parts if part.profiles).open() as reader:
            staged = cast("pa.RecordBatchReader", reader).schema
        columns = with_percentiles(staged, list(percentiles))
        taken = self.store.parts if len(parts) > 1 else None
        write = None if taken is None else taken.writer(run, columns)
        layout = LayOut(run, percentiles, self.store, last, self.shared, self.folder, write)
        found: list[LaidOut] = []
        sizes: tuple[int, ...] = ()
        try:
            with self.store.errors():
                if taken is None:
                    sizes = self.store.write(number, run, columns, layout.in_order(parts, found), self.folder)
                else:
                    answers = self._engine.each(layout, list(enumerate(parts)), msg("publishing"))
                    found = [laid_out for laid_out, _ in answers]
                    files = [file for _, file in answers if file is not None]
                    if not any(one.checks.failing for one in found):
                        sizes = taken.take_over(number, files, self.folder)
        except StoreError:
            # A store may stumble over what the checks have seen.
            if not any(one.checks.failing for one in found):
                raise
        return found, sizes, staged

    def _percentiles(self, parts: tuple[StagedPart, ...]) -> dict[str, Path]:
        """Return the file of each tag's percentiles of everybody."""
        tags = next(part.tags for part in parts if part.tags)
        work = TagPercentiles(self.shared, parts, tags)
        engine = self._engine if work.worth_a_job else ONE_MACHINE
        files = engine.each(work, range(len(tags)), msg("percentiles"))
        return dict(zip(tags, files, strict=True))


def _warn_of_damage(problem: Text | Joined) -> None:
    log.warning(
        msg("the active run is damaged, what changed since is not recorded: {problem}", problem=problem)
    )
