"""Which model versions nothing needs: neither the newest, nor named by an alias, nor waiting for a person, nor referred to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from tagcast.registry.versions.promotion import may_challenge
from tagcast.registry.versions.versions import Version


def unneeded(
    versions: Iterable[Version], referred: Collection[tuple[str, int]], *, keep: int
) -> list[Version]:
    """Return the versions that can be deleted, by tag, newest first.

    Parameters
    ----------
    versions : iterable of Version
        All there are.
    referred : collection of (str, int)
        Tag and number of those that runs, predictions and judgements refer to.
    keep : int
        How many of the newest of each tag stay, whatever refers to them.
    """
    of_tag: dict[str, list[Version]] = defaultdict(list)
    for version in versions:
        of_tag[version.tag].append(version)
    gone = []
    for tag in sorted(of_tag):
        newest_first = sorted(of_tag[tag], key=lambda one: -one.version)
        champion = next((one.version for one in newest_first if "champion" in one.aliases), 0)
        for version in newest_first[keep:]:
            waits = version.decision is not None and version.decision.action == "proposed"
            candidate = version.version > champion and may_challenge(version)
            if not (version.aliases or waits or candidate or (tag, version.version) in referred):
                gone.append(version)
    return gone
