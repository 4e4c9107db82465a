"""Who is left alone: the control group of an export, drawn at random, and the standing one that no export ever holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tagcast.features.core.errors import ConflictError
from tagcast.features.core.messages import msg
from tagcast.features.loads.former_ids import FormerIds
from tagcast.registry.operations.campaigns import all_campaigns, given_ids, held_out_ids, holdout_list
from tagcast.registry.state.database import State
from tagcast.registry.state.id_lists import packed, save_ids
from tagcast.serving.campaigns.members import NO_STRATUM

if TYPE_CHECKING:
    from tagcast.registry.operations.campaigns import Campaign

STANDING = "standing control group"
"""Salt of the standing control group: never another, so that who is left alone stays left alone."""
STRATA = 10


def _drawn(profile_id: str, seed: int | str) -> int:
    """Return where a profile lies among 2**64 places, by its id and the seed alone."""
    return int.from_bytes(blake2b(f"{seed}:{profile_id}".encode(), digest_size=8).digest(), "big")


def is_held_out(profile_id: str, share: float, seed: int | str) -> bool:
    """Return whether a profile belongs to the share held out: by its id and the seed alone, so always the same."""
    return _drawn(profile_id, seed) < share * 2**64


def was_held_out(profile_id: str, share: float, seed: int | str, former: FormerIds) -> bool:
    """Return whether an earlier export with the same seed held the person out under any id."""
    ids = (profile_id, *former.other_ids(profile_id))
    return any(is_held_out(one, share, seed) for one in ids)


def in_standing_group(profile_id: str, share: float, former: FormerIds) -> bool:
    """Return whether a person belongs to the standing control group under any id: whoever joined it never leaves it."""
    return share > 0 and was_held_out(profile_id, share, STANDING, former)


@dataclass(frozen=True)
class Earlier:
    """Whom an earlier campaign with the same seed drew for its arms, under every id of theirs.

    Parameters
    ----------
    held_out, given : set of str
    """

    held_out: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()


def earlier_draw(state: State, seed: int, share: float, former: FormerIds) -> Earlier:
    """Return the arms of the campaign that drew within strata with ``seed``: they depend on who else was drawn with them.

    Raises
    ------
    ConflictError
        Where it held out another share.
    """
    drawn: Campaign | None = next((c for c in all_campaigns(state) if c.seed == seed and c.stratified), None)
    if drawn is None:
        return Earlier()
    if drawn.share != share:
        raise ConflictError(
            msg(
                "the campaign {campaign} drew with this seed a share of {share:g}",
                campaign=drawn.id,
                share=drawn.share,
            ),
            hint=msg("hold out {share:g} again, or leave the seed out", share=drawn.share),
        )
    return Earlier(
        frozenset(former.same_person(held_out_ids(state, drawn.id))),
        frozenset(former.same_person(given_ids(state, drawn.id))),
    )


def drawn_again(
    ids: Sequence[str], share: float, seed: int, former: FormerIds, earlier: Earlier
) -> npt.NDArray[np.bool_]:
    """Return who is held out with a seed that was given: whoever it held out before, and of the others the share by their ids."""
    return np.array(
        [
            one in earlier.held_out or (one not in earlier.given and was_held_out(one, share, seed, former))
            for one in ids
        ],
        bool,
    )


def strata_of(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    """Return the decile of each member's score, from 0 on; ``NO_STRATUM`` without a score. Equal scores fall in the order given."""
    known = np.flatnonzero(~np.isnan(scores))
    stratum = np.full(len(scores), NO_STRATUM, np.int8)
    ordered = known[np.argsort(scores[known], kind="stable")]
    stratum[ordered] = np.arange(len(ordered)) * STRATA // max(len(ordered), 1)
    return stratum


def drawn_within(
    ids: Sequence[str], stratum: npt.NDArray[np.int8], share: float, seed: int
) -> npt.NDArray[np.bool_]:
    """Return who is held out within strata, by ids and seed alone (:func:`nearest_within`)."""
    places = np.array([_drawn(one, seed) / 2**64 for one in ids])
    return nearest_within(places, stratum, share, _drawn("start", seed) / 2**64)


def nearest_within(
    places: npt.NDArray[np.float64], stratum: npt.NDArray[np.int8], share: float, start: float
) -> npt.NDArray[np.bool_]:
    """Return who is held out within strata: of each its share but for less than one member, of all together as well.

    Parameters
    ----------
    places : ndarray of shape (n,)
        Drawn at random from 0 to 1; in each stratum the lowest are held out.
    stratum : ndarray of shape (n,)
    share : float
    start : float
        Drawn at random from 0 to 1: where the share of a stratum is no whole number of members it decides, so that each is
        held out with the same probability.
    """
    held_out = np.zeros(len(places), bool)
    members, taken = 0, 0
    for one in np.unique(stratum):
        rows = np.flatnonzero(stratum == one)
        members += len(rows)
        until = int(np.floor(share * members + start))
        held_out[rows[np.argsort(places[rows], kind="stable")[: until - taken]]] = True
        taken = until
    return held_out


def save_holdout(state: State, export: str, ids: Collection[str]) -> None:
    """Store the profiles that were held out of an export."""
    ready = packed(sorted(ids))
    with state.writing() as connection:
        save_ids(connection, holdout_list(export), ready)


def holdout_ids(state: State, export: str) -> Iterator[str]:
    """Yield the profiles held out of an export, by rising id; memory holds a part of them."""
    yield from held_out_ids(state, export)
