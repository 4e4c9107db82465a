"""A view that an SQL query over the event log makes: as a company declares it in YAML, and its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator
from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from tagcast.features.catalog.feature import Feature
from tagcast.features.catalog.view_declarations import DeclaredView, check_feature_names
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.titles import Text
from tagcast.features.core.validation import InvalidValueError, Strict, suggested
from tagcast.features.entities.pair import CATEGORY

if TYPE_CHECKING:
    from tagcast.features.catalog.view_declarations import ColumnKind


class SqlFeature(Strict):
    """What is said of one column of the query."""

    title: Text | None = None
    absent: float | None = Field(
        None, allow_inf_nan=False, description="what stands for no row; default: unknown"
    )


class SqlDeclaration(DeclaredView):
    """A view that a query over the events before each snapshot makes."""

    kind: ClassVar[str] = "sql"
    sql: str = Field(description="one SELECT over the table events; as_of is the day of the snapshot")
    features: dict[str, SqlFeature] = Field(
        default_factory=dict, description="column of the query = its title, and what stands for no row"
    )
    _columns: tuple[str, ...] = PrivateAttr(())

    @field_validator("sql")
    @classmethod
    def _check_sql(cls, value: str) -> str:
        parsed_query(value)
        return value

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        found = output_names(parsed_query(self.sql))
        if {"", "*"} & {*found}:
            raise InvalidValueError(msg("sql: name each column that the query gives: AS …, and no *"))
        if "profile_id" not in found:
            raise InvalidValueError(
                msg(
                    "sql: the query gives no column profile_id; it gives {names}",
                    names=listed(found) or msg("none"),
                )
            )
        if missing := [name for name in self.entity[1:] if name not in found]:
            raise InvalidValueError(
                msg("entity names {name}, and the query gives no column {name}", name=missing[0])
            )
        if twice := sorted({name for name in found if found.count(name) > 1}):
            raise InvalidValueError(
                msg("sql: several columns are called {names}: name each with AS", names=listed(twice))
            )
        self._columns = tuple(name for name in found if name not in self.keys)
        check_feature_names(self._columns)
        if not self._columns:
            raise InvalidValueError(msg("sql: the query gives keys alone: select a feature too"))
        for name in self.features:
            if name not in self._columns:
                raise InvalidValueError(
                    msg(
                        "features.{name}: the query gives no such column; {meant}",
                        name=name,
                        meant=suggested(name, self._columns),
                    )
                )
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its entity on the event log."""
        # A query that gives categories is of pairs without saying so.
        given = CATEGORY in output_names(parsed_query(self.sql))
        return ("profile_id", *(self.entity[1:] or ((CATEGORY,) if given else ())))

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it declares, as a tag may name them."""
        return self._columns

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that it gives."""
        return self._columns


def parsed_query(text: str) -> exp.Select:
    """Return a query as a tree.

    Raises
    ------
    InvalidValueError
        Where it is no SQL, several statements, or something other than one SELECT.
    """
    try:
        # Not parse_one: what it does with a second statement depends on its version.
        tree, *more = parse(text, read="duckdb")
        if tree is not None:
            tree.sql("duckdb")  # what cannot be written again is nested too deeply to be walked
    except (SqlglotError, RecursionError) as error:
        details = getattr(error, "errors", None)
        line = details[0]["line"] if details else None
        raise InvalidValueError(
            msg("it cannot be read as SQL from line {line} on", line=line)
            if line
            else msg("it cannot be read as SQL: a quote or bracket is not closed, or it is nested too deeply")
        ) from error
    if more or not isinstance(tree, exp.Select):
        raise InvalidValueError(msg("expected one SELECT over events, read-only and without UNION"))
    return tree


def output_names(query: exp.Select) -> list[str]:
    """Return the columns that a query gives, as it calls them."""
    return [projection.alias_or_name for projection in query.selects]


@dataclass(frozen=True)
class SqlColumn:
    """One column of a query.

    Parameters
    ----------
    name : str
    kind : str
        ``number``; ``flag`` (1 or 0); ``date`` (days from it to the snapshot).
    en, zh : str
        What people call it.
    absent : float or None
        What stands for no row.
    """

    name: str
    kind: ColumnKind
    en: str
    zh: str
    absent: float | None = None

    def feature(self, view: str) -> Feature:
        """Return it as a feature."""
        if self.kind == "date":
            return Feature(self.name, view, f"days since {self.en}", f"距{self.zh}天数", absent=self.absent)
        return Feature(self.name, view, self.en, self.zh, absent=self.absent)


@dataclass(frozen=True)
class SqlView:
    """A view that a query makes, the kinds of its columns settled.

    Parameters
    ----------
    name : str
    keys : tuple of str
        Of its entity on the event log.
    sql : str
    columns : tuple of SqlColumn
    """

    name: str
    keys: tuple[str, ...]
    sql: str
    columns: tuple[SqlColumn, ...]

    def features(self) -> tuple[Feature, ...]:
        """Return its features in column order."""
        return tuple(column.feature(self.name) for column in self.columns)

    def named(self, name: str) -> tuple[str, ...]:
        """Return the feature of this name; none where there is none."""
        return tuple(column.name for column in self.columns if column.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`from_json` reads."""
        columns = [list(astuple(column)) for column in self.columns]
        return {"view": self.name, "keys": list(self.keys), "sql": self.sql, "columns": columns}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> SqlView:
        """Read what :meth:`to_json` wrote."""
        columns = tuple(SqlColumn(*column) for column in written["columns"])
        return cls(written["view"], tuple(written["keys"]), written["sql"], columns)


def settled_query(declaration: SqlDeclaration, kinds: Mapping[str, ColumnKind]) -> SqlView:
    """Return the view of a declaration whose columns are of ``kinds``."""
    columns = []
    for name in declaration.column_names:
        said = declaration.features.get(name, SqlFeature())
        spoken = name.replace("_", " ")
        en, zh = (said.title.en, said.title.zh) if said.title else (spoken, spoken)
        columns.append(SqlColumn(name, kinds[name], en, zh, said.absent))
    return SqlView(declaration.view, declaration.keys, declaration.sql, tuple(columns))
