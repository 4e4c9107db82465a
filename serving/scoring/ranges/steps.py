"""A range of profiles, batch by batch, with all that is known of them side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tagcast.features.core.errors import StoreError
from tagcast.features.core.messages import msg
from tagcast.models.decisions.policy import codes_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from tagcast.features.compute.snapshot_reader import FeatureBatch
    from tagcast.features.core.engines.key_ranges import KeyRange
    from tagcast.features.entities.pair import Pair
    from tagcast.serving.scoring.attribute_stream import AttributeStream
    from tagcast.serving.scoring.previous_values import PastStream


class Features(Protocol):
    """The features of everybody as of a day, by rising id."""

    @property
    def profiles(self) -> Sequence[Path]:
        """The files that hold everybody, by rising id."""
        ...

    @property
    def rows(self) -> int:
        """How many profiles there are."""
        ...

    def rows_below(self, first: str | None) -> int:
        """Return how many profiles come before the id ``first``; nobody where it is None."""
        ...

    def stream(self, pairs: Sequence[Pair], batch_rows: int, within: KeyRange) -> Iterator[FeatureBatch]:
        """Yield the features of those in a range, in batches of so many profiles."""
        ...


@dataclass(frozen=True)
class Step:
    """The same profiles in each feature set, their attributes, and their values before; ``first`` come in steps before."""

    first: int
    ids: pa.StringArray
    batches: Mapping[str, FeatureBatch]
    attributes: Mapping[str, pa.Array]
    past: Mapping[str, npt.NDArray[np.int8]]


def side_by_side(
    streams: Mapping[str, Iterator[FeatureBatch]],
    first: int,
    as_of: date,
    past: PastStream | None,
    attributes: AttributeStream | None,
) -> Iterator[Step]:
    """Yield the profiles of ``streams`` step by step.

    Parameters
    ----------
    streams : mapping of str to iterator of FeatureBatch
        By feature set, in batches of the same profiles.
    first : int
        How many profiles come before them.
    as_of : date
        For messages.
    past : PastStream, optional
    attributes : AttributeStream, optional
    """
    for batches in zip(*streams.values(), strict=True):
        ids = batches[0].profile_id
        if not all(batch.profile_id.equals(ids) for batch in batches):
            raise StoreError(
                msg("the feature tables of {as_of} hold different profiles", as_of=as_of),
                hint=msg("delete the folder features/ of the home and score again"),
            )
        about = {} if attributes is None else attributes.of(ids)
        codes = {} if past is None else {tag: codes_of(words) for tag, words in past.of(ids).items()}
        yield Step(first, ids, dict(zip(streams, batches, strict=True)), about, codes)
        first += len(ids)
