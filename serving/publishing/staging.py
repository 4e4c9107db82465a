"""A run on its way into the store: collected aside batch by batch, checked, held against the last one, published whole."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tagcast.features.core.errors import RunRefusedError, StoreError
from tagcast.features.core.messages import Message, listed, msg
from tagcast.serving.publishing.last_run import LastRun
from tagcast.serving.publishing.percentiles import Percentiles
from tagcast.serving.publishing.reference_run import reference_run
from tagcast.serving.publishing.run_checks import Bounds, RunChecks, differs
from tagcast.serving.store.manifest import Entry, Manifest
from tagcast.serving.store.schema import RunInfo, attribute_kind, column_name

if TYPE_CHECKING:
    from tagcast.models.definitions.model_tag import TagDefinition
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

    Batches go to an Arrow file, each tag's scores to a file of their own: what depends on everyone (thresholds of a top share,
    percentiles) is worked out for one tag after the other.

    Parameters
    ----------
    store : ProfileStore
    folder : Path
        The writer's own.
    """

    def __init__(self, store: ProfileStore, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self._staged = folder / "staged.arrow"
        self._sink: Any = None
        self._tags: list[str] = []
        self._ranked: dict[str, Path] = {}
        self._profiles = 0

    def close(self) -> None:
        """Let go of the staged file."""
        if self._sink is not None:
            with suppress(OSError):  # a full disk takes no last words either; the file is thrown away
                self._sink.close()
            self._sink = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Add profiles by rising id.

        Parameters
        ----------
        batch : RecordBatch
            ``profile_id``, attributes (text, number, boolean), then the staged columns of each tag
            (:func:`tagcast.serving.store.schema.tag_fields`); the first batch fixes them.
        """
        with self.store.errors():
            if self._sink is None:
                self._tags = [n.rpartition(":")[0] for n in batch.schema.names if n.endswith(":score")]
                self._sink = pa.ipc.new_stream(str(self._staged), batch.schema)
            self._sink.write_batch(batch)
            for place, tag in enumerate(self._tags):
                column = batch.column(column_name(tag, "score"))
                _append(self.folder / f"scores-{place}", column.drop_null().to_numpy(zero_copy_only=False))
        self._profiles += batch.num_rows

    def add_scores(self, tag: str, scores: npt.NDArray[np.float64]) -> None:
        """Add scores of a first pass, for tags whose threshold depends on everyone's score."""
        file = self._ranked.setdefault(tag, self.folder / f"ranked-{len(self._ranked)}")
        with self.store.errors():
            _append(file, scores)

    def threshold(self, definition: TagDefinition) -> float:
        """Return the score from which the value is yes by ``definition``, given the scores of the first pass."""
        from tagcast.models.decisions.policy import NEVER, threshold_from_scores

        if definition.name not in self._ranked:
            return NEVER
        with self.store.errors():
            return threshold_from_scores(definition.decision, np.fromfile(self._ranked[definition.name]))

    def publish(
        self,
        run: RunInfo,
        *,
        keep: int,
        thresholds: Mapping[str, float] | None = None,
        bounds: Bounds | None = None,
        accept: str = "",
        beside: bool = False,
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

        Raises
        ------
        RunRefusedError
            With the figures of the check that failed. The active run stays.
        StoreError
            When it cannot be written. The active run stays.
        """
        if not self._profiles or {t.tag for t in run.tags} != set(self._tags):
            raise RunRefusedError(
                msg(
                    "the run is empty: it has {profiles:,} profiles and these tags: {tags}",
                    profiles=self._profiles,
                    tags=listed(sorted(self._tags)) or msg("none"),
                ),
                hint=msg("check the population of the tags"),
            )
        store, checks = self.store, RunChecks(run, self._profiles)
        with store.errors():
            self._sink.close()
            number, changes = store.next_number(), self.folder / "changes.parquet"
            try:
                with store.errors():
                    last, size, schema = self._write(number, run, checks, changes, compare=not beside)
            except StoreError:
                if not checks.failing:  # a store may stumble over what the checks have seen
                    raise
            if failed := checks.failed():
                store.drop([number])
                raise RunRefusedError(
                    msg("the run was not published: {problems}", problems=listed(failed, "sentences")),
                    hint=msg("score again; if it stays, check the feature tables"),
                )
            manifest = Manifest(
                run,
                number,
                size,
                self._profiles,
                sum(tag.population for tag in run.tags),
                {
                    f.name: attribute_kind(f) or _KINDS[f.type]
                    for f in schema
                    if ":" not in f.name and f.name != "profile_id"
                },
                checks.summaries(dict(thresholds or {})),
                last.movement.transitions if last.movement is not None else {},
            )
            before = last.manifest
            if beside and before is not None:
                kept = Entry(number, "keep", run.scored_at, before, accept, kept=manifest)
                store.activate(kept, changes)
                self._forget_old(keep)
                return manifest
            found = [] if before is None or bounds is None else self._differences(manifest, before, bounds)
            if found and not accept:
                store.drop([number])
                raise RunRefusedError(
                    msg(
                        "the run was not published, it differs from the last one ({last}) or from those before by more "
                        "than [publish] allows: {differences}",
                        last=before and before.run.run_id,
                        differences=listed(found, "sentences"),
                    ),
                    hint=msg(
                        "look at the sources; if it is right, run {command}",
                        command="tagcast score --all --force --reason WHY",
                    ),
                )
            compared = last.movement is not None
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

    def _write(
        self, number: int, run: RunInfo, checks: RunChecks, changes: Path, *, compare: bool
    ) -> tuple[LastRun, int, pa.Schema]:
        """Write rows and changes aside in one pass; return the last run, the size, and the staged columns."""
        percentiles = {
            tag: Percentiles.of(np.fromfile(self.folder / f"scores-{place}"))
            for place, tag in enumerate(self._tags)
        }
        more = [pa.field(column_name(tag, "percentile"), pa.float64()) for tag in percentiles]
        with ExitStack() as stack:
            source = stack.enter_context(pa.OSFile(str(self._staged)))
            reader = stack.enter_context(pa.ipc.open_stream(source))
            last = stack.enter_context(LastRun(self.store, self._tags, changes, compare=compare))
            batches = _observed(reader, checks, percentiles, last)
            schema = pa.schema([*reader.schema, *more])
            size = self.store.write(number, run, schema, batches, self.folder)
            last.finish()
            return last, size, reader.schema


def _append(file: Path, values: npt.NDArray[np.float64]) -> None:
    with file.open("ab") as handle:
        handle.write(np.ascontiguousarray(values, np.float64).data)


def _observed(
    batches: Iterator[pa.RecordBatch],
    checks: RunChecks,
    percentiles: dict[str, Percentiles],
    last: LastRun,
) -> Iterator[pa.RecordBatch]:
    """Yield the staged batches with percentiles, each checked on the way."""
    for batch in batches:
        if not batch.num_rows:
            continue
        checks.observe(batch)
        if not checks.failing:
            last.observe(batch)
        columns = list(batch.columns)
        fields = list(batch.schema)
        for tag, percentile in percentiles.items():
            score = batch.column(column_name(tag, "score"))
            found = percentile(score.to_numpy(zero_copy_only=False))
            columns.append(pa.array(found, mask=np.isnan(found)))
            fields.append(pa.field(column_name(tag, "percentile"), pa.float64()))
        yield pa.record_batch(columns, schema=pa.schema(fields))
