"""One range of a run's profiles, as it is given to whoever scores it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tagcast.features.core.engines.key_ranges import EVERYONE, KeyRange


@dataclass(frozen=True)
class Share:
    """The part of a run that one range is.

    Parameters
    ----------
    within : KeyRange
    first : int
        How many profiles of the snapshot come before it.
    explained : mapping of str to int
        For each tag, how many with the value that is explained first come before it; of one that is missing nobody.
    """

    within: KeyRange = EVERYONE
    first: int = 0
    explained: Mapping[str, int] = field(default_factory=dict)
