"""A declared view of attributes as features: which columns it gives, as numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature import Feature

if TYPE_CHECKING:
    from tagcast.features.catalog.feast_views import FeastDeclaration
    from tagcast.features.catalog.view_declarations import AttributesDeclaration, ColumnKind


def level_names(word: str, levels: Iterable[str]) -> dict[str, str]:
    """Return each level of a word, and the feature that says whether it is it."""
    found: dict[str, str] = {}
    for level in levels:
        plain = re.sub(r"\W+", "_", level.lower()).strip("_") or "none"
        stem = f"{word}_is_{plain}"
        same = sum(name == stem or name.startswith(f"{stem}__") for name in found.values())
        found[level] = f"{stem}__{same + 1}" if same else stem
    return found


@dataclass(frozen=True)
class Attribute:
    """One column of a view of attributes.

    Parameters
    ----------
    name : str
    kind : str
        ``number``; ``flag`` (1 or 0); ``date`` (days from it to the snapshot); ``word`` (a column a level: 1 or 0).
    en, zh : str
        What people call it.
    levels : tuple of str
        Of a word: those that get a column.
    """

    name: str
    kind: ColumnKind
    en: str
    zh: str
    levels: tuple[str, ...] = ()

    def features(self, view: str) -> Iterable[Feature]:
        """Return its columns in order."""
        if self.kind == "word":
            for level, name in level_names(self.name, self.levels).items():
                yield Feature(name, view, f"{self.en}: {level}", f"{self.zh}：{level}")
        elif self.kind == "date":
            yield Feature(self.name, view, f"days since {self.en}", f"距{self.zh}天数")
        else:
            yield Feature(self.name, view, self.en, self.zh)


@dataclass(frozen=True)
class AttributeView:
    """The columns of a view of attributes, its levels settled.

    Parameters
    ----------
    name : str
    attributes : tuple of Attribute
    """

    name: str
    attributes: tuple[Attribute, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its entity on the log."""
        return ("profile_id",)

    def features(self) -> tuple[Feature, ...]:
        """Return its features in column order."""
        return tuple(feature for one in self.attributes for feature in one.features(self.name))

    def named(self, name: str) -> tuple[str, ...]:
        """Return the features of a column, or the one of this name; none where there is neither."""
        of_column = [f.name for one in self.attributes if one.name == name for f in one.features(self.name)]
        return tuple(of_column or [f.name for f in self.features() if f.name == name])

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` reads."""
        columns = [[a.name, a.kind, a.en, a.zh, list(a.levels)] for a in self.attributes]
        return {"view": self.name, "attributes": columns}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> AttributeView:
        """Read what :meth:`to_json` wrote."""
        attributes = tuple(
            Attribute(name, kind, en, zh, tuple(levels))
            for name, kind, en, zh, levels in written["attributes"]
        )
        return cls(written["view"], attributes)


def resolved(
    declaration: AttributesDeclaration | FeastDeclaration, levels: Mapping[str, tuple[str, ...]]
) -> AttributeView:
    """Return the view of a declaration whose words have ``levels``."""
    attributes = []
    for name, column in declaration.columns.items():
        spoken = name.replace("_", " ")
        en, zh = (column.title.en, column.title.zh) if column.title else (spoken, spoken)
        attributes.append(Attribute(name, column.kind, en, zh, levels.get(name, ())))
    return AttributeView(declaration.view, tuple(attributes))
