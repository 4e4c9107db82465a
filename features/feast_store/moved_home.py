"""A home that was copied or moved: Feast's registry names files by absolute paths, and is made anew from the definitions."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

ROOT = "feast"
CONFIG = "feature_store.yaml"
_REGISTRY = "registry.db"


def registry_url(root: Path) -> str:
    """Return the URL of Feast's registry in ``root``."""
    return f"sqlite:///{root / _REGISTRY}"


def forget_old_place(home: Path) -> None:
    """Delete Feast's configuration and registry where they name another place: the next use writes them again.

    The online store holds values by key and no paths: it stays.

    Parameters
    ----------
    home : Path
    """
    import yaml

    root = home / ROOT
    try:
        registry = yaml.safe_load((root / CONFIG).read_text(encoding="utf-8"))["registry"]
        # A registry of the company's own is where it was, wherever the home is.
        of_a_home = isinstance(registry, dict) and registry["path"].endswith(f"/{ROOT}/{_REGISTRY}")
        if not of_a_home or registry["path"] == registry_url(root):
            return
    except OSError:
        return
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError):
        pass  # damaged: written again as well
    with suppress(OSError):  # a home that cannot be written is not trained in either
        for file in (*root.glob(f"{_REGISTRY}*"), root / CONFIG):
            file.unlink(missing_ok=True)
