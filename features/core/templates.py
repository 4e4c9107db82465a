"""Jinja2 for pages of HTML: whatever comes from outside is escaped, and a name that is misspelt fails."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined


def templates(package: str) -> Environment:
    """Return the environment of the templates in ``package``, folder ``templates``.

    Parameters
    ----------
    package : str
        As it is imported.
    """
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
