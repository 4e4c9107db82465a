"""The licences in an SBOM as a table, and whether one of them asks for a decision: `make sbom`.

``python deploy/licences.py sbom.json > licences.md`` exits with 1 where a package names no licence, or one with conditions on
those who pass it on, that ``licences.toml`` does not know.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

KNOWN = Path(__file__).with_name("licences.toml")
CONDITIONS = re.compile(
    r"\b(?:[AL]?GPL|MPL|EPL|EUPL|CDDL|SSPL|BUSL|CC-BY-(?:SA|NC))|General Public|Mozilla|proprietary",
    re.IGNORECASE,
)


def licence_of(component: Mapping[str, Any], declared: Mapping[str, str]) -> str:
    """Return the licences of a component of CycloneDX in one line; empty where none is known."""
    found: dict[str, None] = {}
    for one in component.get("licenses", ()):
        text = one.get("expression") or one["license"].get("id") or one["license"].get("name", "")
        # Classifiers of packages repeat in words what an identifier says; their root alone says nothing.
        found[text.rpartition(" :: ")[2]] = None
    found.pop("OSI Approved", None)
    return "; ".join(found) or declared.get(component["name"], "")


def undecided(licences: Mapping[str, str], noted: Iterable[str]) -> list[str]:
    """Return the packages that somebody has to decide on, each with what is in the way."""
    return [
        f"{name}: {licence or 'no licence named'}"
        for name, licence in licences.items()
        if not licence or (CONDITIONS.search(licence) and name not in set(noted))
    ]


def main(file: Path) -> int:
    """Print the table of one SBOM; return the exit code."""
    known = tomllib.loads(KNOWN.read_text(encoding="utf-8"))
    components = json.loads(file.read_text(encoding="utf-8"))["components"]
    licences = {one["name"]: licence_of(one, known["declared"]) for one in components}
    print("| package | version | licence | note |\n|---|---|---|---|")
    for one in components:
        name = one["name"]
        print(f"| {name} | {one['version']} | {licences[name]} | {known['noted'].get(name, '')} |")
    left = undecided(licences, known["noted"])
    for line in left:
        print(f"decide on it, and note it in {KNOWN.name}: {line}", file=sys.stderr)
    gone = sorted({*known["declared"], *known["noted"]} - licences.keys())
    if gone:
        print(f"no longer there: take out of {KNOWN.name}: {', '.join(gone)}", file=sys.stderr)
    return bool(left or gone)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
