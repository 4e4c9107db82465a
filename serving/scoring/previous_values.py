"""The last values of a profile before a date: the memory of tags with hysteresis.

Which run is the past depends only on what is stored and on the day that is scored, never on the clock: a
day scored twice has the same past both times, and so the same tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange
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
_IDS_AT_ONCE = 2_000


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

    def follow(self, within: KeyRange = EVERYONE) -> PastStream:
        """Return the values of those in a range, from the first on."""
        return PastStream(self._readers, self._former, within)


class PastStream:
    """Past values beside profiles that come by rising id: one pass, memory holds one batch a run."""

    def __init__(self, readers: dict[str, StoreReader], former: FormerIds, within: KeyRange) -> None:
        self._former = former
        self._runs = []
        wanted = self._elsewhere(within)
        for reader in {id(r): r for r in readers.values()}.values():
            tags = [tag for tag, own in readers.items() if own is reader]
            columns = [column_name(tag, "value") for tag in tags]
            name = msg("the run {run}", run=reader.manifest.number)
            # Few, so that they are at hand whatever the order of ids.
            elsewhere = {row["profile_id"]: row for row in _rows_of(reader, wanted, columns)}
            self._runs.append((tags, MergeJoin(reader.stream(columns, within), name), elsewhere))

    def _elsewhere(self, within: KeyRange) -> list[str]:
        """Return the ids in a range whose person has others, and these others."""
        several = {*self._former.persons, *self._former.formers}
        own = [one for one in several if within.meets(one, one)]
        return sorted({*own, *(other for one in own for other in self._former.other_ids(one))})

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


def _rows_of(reader: StoreReader, ids: Sequence[str], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of some profiles."""
    quoted = [exp.column(exp.to_identifier(name, quoted=True)) for name in columns]
    for first in range(0, len(ids), _IDS_AT_ONCE):
        some = [exp.Literal.string(one) for one in ids[first : first + _IDS_AT_ONCE]]
        select = exp.select("profile_id", *quoted, copy=False).from_("profiles", copy=False)
        select = select.where(exp.In(this=exp.column("profile_id"), expressions=some), copy=False)
        for batch in reader.query(select):
            yield from batch.to_pylist()


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
