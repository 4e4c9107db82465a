"""Where Feast's registry and online store are: in the home, or in a Feast of the company's own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagcast.features.core.schema.operation import Feast
from tagcast.features.core.system import private_folder
from tagcast.features.core.urls import expand_all, variables_of, without_passwords
from tagcast.features.feast_store.moved_home import CONFIG, registry_url


@dataclass(frozen=True)
class FeastPlace:
    """A registry, an online store, and the Feast project in them.

    Parameters
    ----------
    root : Path
        Folder of what lies in the home, and of ``feature_store.yaml``.
    given : Feast
        The table ``[feast]`` of the configuration.
    file : str
        Name of the configuration, for messages.
    """

    root: Path
    given: Feast = field(default_factory=Feast)
    file: str = "tagcast.toml"

    @property
    def key(self) -> str:
        """What errors call it."""
        return f"{self.file}: feast"

    @property
    def is_own(self) -> bool:
        """Whether the registry lies in the home."""
        return self.given.registry is None

    @property
    def handed_on(self) -> bool:
        """Whether registry or online store are a company's own."""
        return self.given.registry is not None or self.given.online_store is not None

    def without_secrets(self, text: str) -> str:
        """Return what a library said, with the names of variables in place of what they hold."""
        for name in variables_of([self.given.registry, self.given.online_store]):
            if value := os.environ.get(name):
                text = text.replace(value, f"${{{name}}}")
        return without_passwords(text)

    def written(self, offline_store: dict[str, Any]) -> dict[str, Any]:
        """Return what ``feature_store.yaml`` holds: secrets are names of variables, which Feast fills in itself."""
        own = {"registry_type": "sql", "path": registry_url(self.root), "cache_ttl_seconds": 0}
        online = {"type": "sqlite", "path": str(self.root / "online_store.db")}
        return {
            "project": self.given.project,
            "provider": "local",
            "registry": own if self.given.registry is None else self.given.registry,
            "offline_store": offline_store,
            "online_store": online if self.given.online_store is None else self.given.online_store,
            "entity_key_serialization_version": 3,
        }

    def filled_in(self, written: dict[str, Any]) -> dict[str, Any]:
        """Return it with the variables of ``[feast]`` filled in, for Feast alone: it is never stored.

        Raises
        ------
        ConfigError
            For a variable that is not set, or that would cut a URL in another place.
        """
        handed_on = {key: getattr(self.given, key) for key in ("registry", "online_store")}
        return {
            **written,
            **{k: expand_all(v, f"{self.key}.{k}") for k, v in handed_on.items() if v is not None},
        }

    def write(self, written: dict[str, Any]) -> None:
        """Write ``feature_store.yaml``, for ``feast --feature-store-yaml``."""
        import yaml

        class Quoted(yaml.SafeDumper):
            """Puts texts with variables in quotes: Feast fills them in before it reads YAML."""

        Quoted.add_representer(
            str,
            lambda dumper, text: dumper.represent_scalar(
                "tag:yaml.org,2002:str", text, style="'" if "${" in text else None
            ),
        )
        private_folder(self.root)
        text = yaml.dump(written, Dumper=Quoted, sort_keys=False, allow_unicode=True)
        (self.root / CONFIG).write_text(text, encoding="utf-8")
