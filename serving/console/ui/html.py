"""HTML and SVG as text in which everything from outside is escaped: elements over markupsafe's Markup.

A builder and no templates: the console's parts are small, nested and passed on as children, each checked by mypy.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

Child = object
_VOID = frozenset({"br", "hr", "img", "input", "link"})


def join(children: Iterable[Child], between: str = "") -> Markup:
    """Return the children one after another; what is not :class:`Markup` is escaped, None is left out."""
    return escape(between).join(map(_text, children))


def _text(child: Child) -> Markup:
    if child is None or child is False:
        return Markup()
    return join(child) if isinstance(child, list | tuple) else escape(child)


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
    Markup('<p class="x">a &lt; b</p>')
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
        # Within SVG an open one would swallow those after it.
        return Markup(f"{start[:-1]}/>")  # noqa: S704 - values are escaped above; Markup.format is ten times slower
    return Markup(f"{start}{join(children)}</{name}>")  # noqa: S704 - as above
