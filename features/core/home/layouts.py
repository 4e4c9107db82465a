"""How what lies on disk is laid out, by version: each kind of thing carries its own, and an opener checks it first.

What was written before there were versions has the first. A kind that can be computed again is simply built anew where its
layout is another one; of the others an older one is brought forward by ``tagcast migrate``, and a newer one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Text, msg

KEY = "layout"
"""Of the JSON file in which each kind carries it."""
FIRST = 1
"""The layout of what says nothing of it."""

HOME = 1
"""Of the home as a whole, in ``home.json``: which folders it has, and the files in them that have no version of their own."""
STORE = 1
"""Of a profile store, in each line of its log: the columns of runs, and what a manifest says."""
EVENTS = 1
"""Of an event log, in its manifest; another one is built again."""
SNAPSHOTS = 1
"""Of a feature snapshot, in its ``snapshot.json``; another one is built again."""

MIGRATE = "tagcast migrate"


def layout_of(written: Mapping[str, Any]) -> int:
    """Return the layout that a JSON object says it has.

    Raises
    ------
    ValueError, TypeError
        When it says no number.
    """
    return int(written.get(KEY, FIRST))


def check_layout(found: int, known: int, place: Text, kind: type[TagcastError]) -> None:
    """Check that what lies at ``place`` has the layout that this version works with.

    Parameters
    ----------
    found : int
        What it says.
    known : int
        One of the layouts above.
    place : Text
        For the message.
    kind : type of TagcastError
        What to raise.
    """
    if found > known:
        raise newer(str(found), str(known), place, kind)
    if found < known:
        raise older(str(found), str(known), place, kind)


def newer(found: str, known: str, place: Text, kind: type[TagcastError]) -> TagcastError:
    """Return the error of what a newer tagcast wrote: nothing is ever brought back."""
    from importlib.metadata import version

    return kind(
        msg(
            "{place} has layout {found}, and tagcast {version} knows layouts up to {known}",
            place=place,
            found=found,
            known=known,
            version=version("tagcast"),
        ),
        hint=msg(
            "install the tagcast that wrote it or a newer one, or restore a backup from before its upgrade"
        ),
    )


def older(found: str, known: str, place: Text, kind: type[TagcastError]) -> TagcastError:
    """Return the error of what an older tagcast wrote and this one does not read as it is."""
    return kind(
        msg(
            "{place} has layout {found} of an older tagcast, and this one works with layout {known}",
            place=place,
            found=found,
            known=known,
        ),
        hint=msg("bring it forward: {command}; it takes a backup first", command=MIGRATE),
    )
