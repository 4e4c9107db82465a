"""A number computed from features: text such as ``0.5 * spend_90d`` to an expression, and its values for many profiles.

Features, numbers, ``+ - * /`` and parentheses; a name that is no plain word stands in double quotes. What is computed from something
unknown is unknown, and so is a division by zero.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.validation import near

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_NODES = (exp.Column, exp.Identifier, exp.Literal, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren)
MAX_LENGTH = 1_000
"""Characters: what people write as a bound is a line."""


@dataclass(frozen=True)
class Arithmetic:
    """An expression, read and checked.

    Parameters
    ----------
    text : str
    tree : sqlglot expression
    """

    text: str
    tree: exp.Expr

    @property
    def names(self) -> tuple[str, ...]:
        """The features it names, each once, in reading order."""
        return tuple(dict.fromkeys(node.name for node in self.tree.find_all(exp.Column, bfs=False)))

    def __call__(self, columns: Mapping[str, Floats], count: int) -> Floats:
        """Return its values, shape (count,); NaN where one is unknown or no finite number.

        Parameters
        ----------
        columns : mapping of str to ndarray of float64, shape (count,)
            Of :attr:`names`.
        count : int
        """
        import numpy as np

        with np.errstate(all="ignore"):
            found = np.broadcast_to(np.asarray(_value(self.tree, columns), np.float64), (count,))
        return np.where(np.isfinite(found), found, np.nan)


def read_arithmetic(text: str, known: Collection[str] | None = None) -> Arithmetic:
    """Return the expression that ``text`` is.

    Parameters
    ----------
    text : str
    known : collection of str, optional
        The features there are; without it names are not looked at.

    Raises
    ------
    DefinitionError
        With what was found, and what would be right.
    """
    try:
        tree, *more = parse(text, read="duckdb") if len(text) <= MAX_LENGTH else (None, None)
    except (SqlglotError, RecursionError):
        tree, more = None, []
    if tree is None or more:
        raise DefinitionError(msg("{text!r} is no arithmetic", text=text[:MAX_LENGTH]), hint=_example())
    for node in tree.walk():
        plain = isinstance(node, _NODES) and not (isinstance(node, exp.Literal) and node.is_string)
        if not plain or (isinstance(node, exp.Column) and len(node.parts) > 1):
            raise DefinitionError(
                msg("{part!r} is not allowed in arithmetic", part=node.sql("duckdb")), hint=_example()
            )
    found = Arithmetic(text, tree)
    for name in found.names if known is not None else ():
        if name not in (known or ()):
            raise DefinitionError(
                msg("there is no feature {name!r}", name=name), hint=near(name, known or ()) or _example()
            )
    return found


def _example() -> Text:
    return msg("numbers, features, + - * / and parentheses, as in {example}", example="0.5 * spend_90d")


def _value(node: exp.Expr, columns: Mapping[str, Floats]) -> Floats | float:
    if isinstance(node, exp.Column):
        return columns[node.name]
    if isinstance(node, exp.Literal):
        return float(node.this)
    inner = _value(node.this, columns)
    if isinstance(node, exp.Paren):
        return inner
    if isinstance(node, exp.Neg):
        return -inner
    return _BY_NODE[type(node)](inner, _value(node.expression, columns))


def _divided(dividend: Floats | float, divisor: Floats | float) -> Floats | float:
    import numpy as np

    # Not infinite: 1 / (a / b) would make a plain 0 of what nobody can know.
    quotient: Floats = np.where(np.equal(divisor, 0.0), np.nan, np.divide(dividend, divisor))
    return quotient


_BY_NODE: dict[type[exp.Expr], Callable[[Floats | float, Floats | float], Floats | float]] = {
    exp.Add: lambda one, other: one + other,
    exp.Sub: lambda one, other: one - other,
    exp.Mul: lambda one, other: one * other,
    exp.Div: _divided,
}
