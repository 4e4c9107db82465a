"""The control group of an export: profiles held out at random, to be compared later with those contacted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from hashlib import blake2b

from tagcast.features.loads.former_ids import FormerIds
from tagcast.registry.state.database import State
from tagcast.registry.state.id_lists import ids_of, packed, save_ids


def is_held_out(profile_id: str, share: float, seed: int) -> bool:
    """Return whether a profile belongs to the share held out: by its id and the seed alone, so always the same."""
    drawn = int.from_bytes(blake2b(f"{seed}:{profile_id}".encode(), digest_size=8).digest(), "big")
    return drawn < share * 2**64


def was_held_out(profile_id: str, share: float, seed: int, former: FormerIds) -> bool:
    """Return whether an earlier export with the same seed held the person out under any id."""
    ids = (profile_id, *former.other_ids(profile_id))
    return any(is_held_out(one, share, seed) for one in ids)


def save_holdout(state: State, export: str, ids: Collection[str]) -> None:
    """Store the profiles that were held out of an export."""
    ready = packed(sorted(ids))
    with state.writing() as connection:
        save_ids(connection, f"holdout {export}", ready)


def holdout_ids(state: State, export: str) -> Iterator[str]:
    """Yield the profiles held out of an export, by rising id; memory holds a part of them."""
    yield from ids_of(state, f"holdout {export}")
