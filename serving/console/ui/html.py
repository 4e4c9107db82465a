"""HTML and SVG as text in which everything from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

Child = object
_VOID = frozenset({"br", "hr", "img", "input", "link"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def join(children: Iterable[Child], between: str = "") -> Markup:
    """Return the children one after another; what is not :class:`Markup` is escaped, None is left out."""
    return Markup(between.join(_text(child) for child in children))


def _text(child: Child) -> str:
    if child is None or child is False:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, list | tuple):
        return join(child)
    return escape(str(child))


def h(name: str, *children: Child, **attributes: object) -> Markup:
    """Return one element.

    Parameters
    ----------
    name : str
    children
        Text or markup; None and False are left out, lists are flattened.
    attributes
        ``class_`` and ``for_`` stand for ``class`` and ``for``; ``aria_label`` for ``aria-label``; None and False
        are left out, True gives the bare attribute.

    Examples
    --------
    >>> h("p", "a < b", class_="x")
    '<p class="x">a &lt; b</p>'
    """
    shown = []
    for key, value in attributes.items():
        plain = key.rstrip("_").replace("_", "-")
        if value is True:
            shown.append(f" {plain}")
        elif value is not None and value is not False:
            shown.append(f' {plain}="{escape(str(value))}"')
    start = f"<{name}{''.join(shown)}>"
    if name in _VOID:
        return Markup(f"{start[:-1]}/>")  # within SVG an open one would swallow those after it
    return Markup(f"{start}{join(children)}</{name}>")
