"""What was known of a campaign's members when it was made, kept beside the store, whatever that prunes meanwhile.

A file a campaign lies in ``campaigns/`` of the home: a row a member with its arm, its stratum, and of each tag that the
campaign names value, score and confidence; of uplift tags whose floor it will judge the lower bound, with the version that said it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tagcast.features.core.errors import StoreError
from tagcast.features.core.home.disk_errors import disk_errors
from tagcast.features.core.home.replaced_files import replacing
from tagcast.features.core.messages import msg
from tagcast.features.core.system import private_folder
from tagcast.registry.operations.campaigns import given_ids, held_out_ids
from tagcast.serving.publishing.kept_predictions import PARTS
from tagcast.serving.store.schema import column_name

if TYPE_CHECKING:
    import pyarrow as pa

    from tagcast.features.loads.former_ids import FormerIds
    from tagcast.registry.operations.campaigns import Campaign
    from tagcast.registry.state.database import State

FOLDER = "campaigns"
"""In the home."""
GIVEN, STRATUM = "given", "stratum"
LOWER, _VERSION = "lower", b"version"
"""The part that makes a floor, and what its column says beside it: which version of the tag."""
NO_STRATUM = -1
"""Stratum of members without a score."""


@dataclass(frozen=True)
class Arms:
    """The members of a campaign as the persons that they are today.

    Parameters
    ----------
    persons : list of str
        Each once, rising.
    given : ndarray of bool of shape (n,)
    stratum : ndarray of int8 of shape (n,)
    scores : ndarray of float64 of shape (n, tags)
        At export, of the goal's tag first; NaN where the tag did not speak of them. No columns where they are lost.
    in_both : int
        Persons left out, since accounts of both arms became one.
    lowers : dict of (tag, version) to ndarray of float64 of shape (n,)
        Lower bounds at export of uplift tags; NaN where one did not speak of them.
    """

    persons: list[str]
    given: npt.NDArray[np.bool_]
    stratum: npt.NDArray[np.int8]
    scores: npt.NDArray[np.float64]
    in_both: int
    lowers: dict[tuple[str, int], npt.NDArray[np.float64]] = field(default_factory=dict)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Arms:
        """Return some of the members; of those who are left out since they are in both arms it is not known who they are."""
        persons = [one for one, is_chosen in zip(self.persons, chosen, strict=True) if is_chosen]
        lowers = {tag: lower[chosen] for tag, lower in self.lowers.items()}
        return Arms(persons, self.given[chosen], self.stratum[chosen], self.scores[chosen], 0, lowers)


def member_columns(tags: Sequence[str], floors: Iterable[str] = ()) -> list[str]:
    """Return the store's columns that are kept of each member: of ``floors`` the lower bound."""
    return [
        *(column_name(tag, part) for tag in tags for part in PARTS),
        *(column_name(tag, LOWER) for tag in floors),
    ]


def members_file(home: Path, campaign: str) -> Path:
    """Return where the members of a campaign are kept."""
    return home / FOLDER / f"{campaign}.parquet"


def write_members(
    home: Path,
    campaign: str,
    members: pa.Table,
    given: npt.NDArray[np.bool_],
    stratum: npt.NDArray[np.int8],
    floors: Mapping[str, int],
) -> None:
    """Keep the members of a campaign, whole or not at all.

    Parameters
    ----------
    home : Path
    campaign : str
    members : pyarrow.Table
        ``profile_id`` and :func:`member_columns`.
    given, stratum : ndarray of shape (members,)
    floors : mapping of str to int
        Uplift tags whose floor is to be judged, and their versions.

    Raises
    ------
    StoreError
        When the disk does not take it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = members_file(home, campaign)
    # Plain words: a store's own codes are not read by everything that reads Parquet.
    plain = [
        pa.field(f.name, f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in members.schema
    ]
    of_floor = {column_name(tag, LOWER): {_VERSION: str(version)} for tag, version in floors.items()}
    plain = [f.with_metadata(of_floor.get(f.name)) for f in plain]
    members = members.cast(pa.schema(plain))
    whole = members.append_column(GIVEN, pa.array(given)).append_column(STRATUM, pa.array(stratum, pa.int8()))
    with disk_errors(file.parent, msg("nothing was exported"), StoreError):
        private_folder(file.parent)
        with replacing(file) as aside:
            pq.write_table(whole, aside, compression="zstd")


def floors_of(home: Path, campaign: str) -> set[tuple[str, int]]:
    """Return the uplift tags whose floor a campaign will judge, with their versions; none where its file is gone."""
    import pyarrow.parquet as pq

    file = members_file(home, campaign)
    bounds = [one for one in pq.read_schema(file) if _bounds_version(one)] if file.is_file() else []
    return {_floor_of(one) for one in bounds}


def read_arms(state: State, home: Path, campaign: Campaign, former: FormerIds) -> Arms:
    """Return who was in which arm, as they are known today; without scores and bounds where their file is gone."""
    then = _as_exported(state, home, campaign)
    persons = [former.person(one) for one in then.persons]
    arm: dict[str, bool] = {}
    place: dict[str, int] = {}
    both: set[str] = set()
    for row, person in enumerate(persons):
        if arm.setdefault(person, bool(then.given[row])) != then.given[row]:
            both.add(person)
        place.setdefault(person, row)
    chosen = sorted(person for person in place if person not in both)
    rows = np.array([place[person] for person in chosen], np.int64)
    lowers = {tag: lower[rows] for tag, lower in then.lowers.items()}
    return Arms(chosen, then.given[rows], then.stratum[rows], then.scores[rows], len(both), lowers)


def _as_exported(state: State, home: Path, campaign: Campaign) -> Arms:
    """Return the members under the ids that they had when the campaign was made."""
    import pyarrow.parquet as pq

    file = members_file(home, campaign.id)
    if not file.is_file():
        given_to = list(given_ids(state, campaign.id))
        held_out = list(held_out_ids(state, campaign.id))
        ids = [*given_to, *held_out]
        given = np.arange(len(ids)) < len(given_to)
        return Arms(ids, given, np.zeros(len(ids), np.int8), np.empty((len(ids), 0)), 0)
    table = pq.read_table(file)
    columns = [name for name in table.column_names if name.endswith(":score")]
    first = column_name(campaign.tag, "score")
    scores = [_numbers(table, name) for name in sorted(columns, key=lambda name: name != first)]
    bounds = [one for one in table.schema if _bounds_version(one)]
    return Arms(
        table["profile_id"].to_pylist(),
        table[GIVEN].to_numpy(zero_copy_only=False).astype(bool),
        table[STRATUM].to_numpy(),
        np.column_stack(scores) if scores else np.empty((table.num_rows, 0)),
        0,
        {_floor_of(one): _numbers(table, one.name) for one in bounds},
    )


def _bounds_version(field: pa.Field[Any]) -> bool:
    return bool(field.metadata) and _VERSION in field.metadata


def _floor_of(field: pa.Field[Any]) -> tuple[str, int]:
    """Return of which tag and version a column of lower bounds is."""
    return field.name.removesuffix(column_name("", LOWER)), int(field.metadata[_VERSION])


def _numbers(table: pa.Table, column: str) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = table[column].to_numpy(zero_copy_only=False).astype(float)
    return found
