"""What of a portrait tells most: the few differences that a sentence names."""

from __future__ import annotations

from math import log

from tagcast.serving.audiences.portraits.portrait import Portrait, PortraitRow
from tagcast.serving.audiences.portraits.quantiles import PortraitNumber

MOST = 5
_ROLES = ("value", "recency", "frequency")
LEAST_RATIO = 1.1
"""Medians closer than this, up or down, are not worth a word."""


def most_telling(drawn: Portrait) -> list[PortraitNumber | PortraitRow]:
    """Return up to :data:`MOST` clear differences that the filter does not set itself.

    How they buy comes first, then who they are, then what is predicted of them; levels by :func:`weight`. Of each field, and of
    each family of tags, one is named.
    """
    found: list[PortraitNumber | PortraitRow] = []
    for role in _ROLES:
        of_role = [one for one in drawn.numbers if one.role == role and tells(one)]
        found += of_role[:1]
    best: dict[str, PortraitRow] = {}
    for row in sorted(drawn.by_index(), key=weight, reverse=True):
        named = best.setdefault(family_of(row.field), row)
        # Of a field, what more of them have says more than what fewer have.
        if named.share < named.against_share and row.share > row.against_share:
            best[family_of(row.field)] = row
    for about_people in (True, False):
        rows = [row for row in best.values() if (row.kind != "tag") == about_people]
        # Something of each, where there is something of each.
        room = MOST - len(found) - (1 if about_people else 0)
        found += rows[: max(room, 1)]
    return found[:MOST]


def tells(number: PortraitNumber) -> bool:
    """Return whether the medians are clearly apart."""
    mine, theirs = number.audience.median, number.against.median
    if number.own or not number.clear or mine is None or theirs is None:
        return False
    ratio = number.ratio
    return mine != theirs if ratio is None else not 1 / LEAST_RATIO < ratio < LEAST_RATIO


def family_of(field: str) -> str:
    """Return what members of a family of tags have in common, else the field itself.

    Examples
    --------
    >>> family_of("interest.coffee"), family_of("city")
    ('interest', 'city')
    """
    return field.partition(".")[0]


def weight(row: PortraitRow) -> float:
    """Return what a level adds to the divergence of the two distributions (Jeffreys).

    One that sets apart many members weighs more than one that sets apart few of them by more.
    """
    # A share of nothing is taken as half a profile's: the logarithm has no end there.
    mine, theirs = (max(share, 1e-6) for share in (row.share, row.against_share))
    return (mine - theirs) * log(mine / theirs)
