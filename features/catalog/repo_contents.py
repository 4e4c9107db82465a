"""What a Feast repo holds beside the views of a feature set: services, and what people say of declared views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tagcast.features.catalog.feature_set import SERVICES
from tagcast.features.core.schema.entities import PROFILE


@dataclass(frozen=True)
class RepoContents:
    """Parts of a Feast repo.

    Parameters
    ----------
    services : mapping of str to sequence of str
        FeatureServices by name: the views and features (``view.feature``) that each holds.
    about : mapping of str to mapping of str to str
        ``owner``, ``description``, ``title_en`` and ``title_zh`` of declared views.
    about_services : mapping of str to mapping of str to str
        The same of declared services.
    project : str
        Name of the project of tagcast, which objects in a shared registry carry.
    pushed : sequence of str
        Declared views that others may push newer rows of to the online store.
    entity : str
        Whose views they are: what the Feast entity is called.
    """

    services: Mapping[str, Sequence[str]] = field(default_factory=lambda: SERVICES)
    about: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    about_services: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    project: str = ""
    pushed: Sequence[str] = ()
    entity: str = PROFILE

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` reads."""
        return {
            "services": dict(self.services),
            "about": dict(self.about),
            "about_services": dict(self.about_services),
            "project": self.project,
            "pushed": list(self.pushed),
            "entity": self.entity,
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> RepoContents:
        """Read what :meth:`to_json` wrote."""
        return cls(
            written.get("services", SERVICES),
            written.get("about", {}),
            written.get("about_services", {}),
            written.get("project", ""),
            written.get("pushed", ()),
            written.get("entity", PROFILE),
        )
