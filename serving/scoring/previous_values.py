"""The last values of a profile before a date: the memory of tags with hysteresis.

Which run is the past depends only on what is stored and on the day that is scored, never on the clock: a
day scored twice has the same past both times, and so the same tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.features.loads.former_ids import FormerIds
from tagcast.serving.store.manifest import Manifest, last_before
from tagcast.serving.store.merge_join import MergeJoin, places
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.serving.store.base import ProfileStore, StoreReader

NOBODY = FormerIds()
"""Nobody has another id."""


def past_run(store: ProfileStore, definition: TagDefinition, as_of: date) -> Manifest | None:
    """Return the published run whose values ``definition`` holds on to at ``as_of``.

    It is the tag's last run of an earlier day, whichever model said it: what flickers is what people saw,
    and calibrated scores of two models stand on one scale. None where there is no such run, where it had
    expired by ``as_of`` (people saw nothing then), and where the tag meant something else (another
    population or outcome under the same name).

    Parameters
    ----------
    store : ProfileStore
    definition : TagDefinition
    as_of : date
        The day that is scored.
    """
    manifest = last_before(store.kept(), definition.name, as_of)
    if manifest is None:
        return None
    tag_run = next(t for t in manifest.run.tags if t.tag == definition.name)
    # Reckoned in days of the data: by the clock, the same day scored later would have no past.
    alive = as_of - manifest.run.as_of < manifest.run.life(tag_run)
    return manifest if alive and tag_run.question == definition.question else None


class PastValues:
    """Published values of some tags.

    Parameters
    ----------
    readers : dict of str to StoreReader
        Tag to its past, open.
    former : FormerIds
        Who has another id now: what was said of them stands there under the one of then.
    """

    def __init__(self, readers: dict[str, StoreReader], former: FormerIds = NOBODY) -> None:
        self._readers = readers
        self._former = former

    def follow(self) -> PastStream:
        """Return the values from the first profile on."""
        return PastStream(self._readers, self._former)


class PastStream:
    """Past values beside profiles that come by rising id: one pass, memory holds one batch a run."""

    def __init__(self, readers: dict[str, StoreReader], former: FormerIds) -> None:
        self._former = former
        self._runs = []
        for reader in {id(r): r for r in readers.values()}.values():
            tags = [tag for tag, own in readers.items() if own is reader]
            columns = [column_name(tag, "value") for tag in tags]
            name = msg("the run {run}", run=reader.manifest.number)
            elsewhere = self._of_former_ids(reader, columns)
            self._runs.append((tags, MergeJoin(reader.stream(columns), name), elsewhere))

    def _of_former_ids(self, reader: StoreReader, columns: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the rows of ids whose person has others: few, so that they are at hand whatever the order of ids."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ids = {*self._former.persons, *self._former.formers}
        rows: list[dict[str, Any]] = []
        if ids:
            wanted = pa.array(sorted(ids))
            for batch in reader.stream(columns):
                rows += batch.filter(pc.is_in(batch.column(0), value_set=wanted)).to_pylist()
        return {row["profile_id"]: row for row in rows}

    def of(self, ids: pa.Array) -> dict[str, npt.NDArray[np.object_]]:
        """Return by tag the last published value of each profile, None where it had none; ``ids`` rise."""
        import numpy as np

        found = {}
        for tags, stream, elsewhere in self._runs:
            before = stream.up_to(str(ids[-1]))
            moved = self._moved(ids, elsewhere)
            for tag in tags:
                column = column_name(tag, "value")
                words: Any = np.full(len(ids), None, object)
                if before is not None:
                    value = before.column(column).combine_chunks().take(places(ids, before))
                    words = np.array(value.dictionary_decode().to_numpy(zero_copy_only=False), object)
                for place, rows in moved:
                    words[place] = next((row[column] for row in rows if row[column] is not None), None)
                found[tag] = words
        return found

    def _moved(
        self, ids: pa.Array, elsewhere: Mapping[str, dict[str, Any]]
    ) -> list[tuple[int, list[dict[str, Any]]]]:
        """Return the places of profiles that the run holds under other ids alone, and its rows of these."""
        if not elsewhere:
            return []
        others = [
            (place, self._former.other_ids(one))
            for place, one in enumerate(ids.to_pylist())
            if one not in elsewhere
        ]
        found = [(place, [elsewhere[o] for o in names if o in elsewhere]) for place, names in others if names]
        return [(place, rows) for place, rows in found if rows]


@contextmanager
def open_past(
    store: ProfileStore, runs: Iterable[tuple[str, Manifest]], former: FormerIds = NOBODY
) -> Iterator[PastValues]:
    """Open ``runs`` (tag and its past) for reading; whoever has another id since is found by the one of then.

    Raises
    ------
    StoreError
        When one is missing or cannot be read.
    """
    opened: dict[int, StoreReader] = {}
    readers = {}
    with ExitStack() as stack:
        for tag, manifest in runs:
            if manifest.number not in opened:
                try:
                    opened[manifest.number] = stack.enter_context(store.open(manifest))
                except StoreError as error:
                    raise StoreError(
                        msg(
                            "the run of {as_of}, which {tag} holds on to, cannot be read: {problem}",
                            as_of=manifest.run.as_of,
                            tag=tag,
                            problem=error.message,
                        ),
                        hint=msg(
                            "score {as_of} again, or set hysteresis: 0 for the tag", as_of=manifest.run.as_of
                        ),
                    ) from error
            readers[tag] = opened[manifest.number]
        yield PastValues(readers, former)
