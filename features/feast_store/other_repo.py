"""A Feast repo of somebody else: opened, and its feature service looked at. It is only read.

Feast reads what their repo says, transformations in Python included: it is trusted as the company's own code.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from tagcast.features.catalog.feast_views import FeastDeclaration
from tagcast.features.catalog.view_declarations import AttributeColumn, ColumnKind, check_feature_names
from tagcast.features.core.errors import DataError, DefinitionError, TagcastError
from tagcast.features.core.messages import Text, listed, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.settings import Settings
from tagcast.features.core.validation import InvalidValueError, suggested
from tagcast.features.feast_store.quiet import quiet_feast

_DROPPING = ("dask", "file")
_KINDS: dict[str, ColumnKind] = {
    "INT32": "number", "INT64": "number", "FLOAT32": "number", "FLOAT64": "number", "BOOL": "flag", "STRING": "word",
    "UNIX_TIMESTAMP": "date",
}  # fmt: skip


class OtherRepo:
    """The feature service that a view names.

    Parameters
    ----------
    settings : Settings
    view : FeastDeclaration
    """

    def __init__(self, settings: Settings, view: FeastDeclaration) -> None:
        self.settings = settings
        self.view = view

    @cached_property
    def columns(self) -> dict[str, AttributeColumn]:
        """The columns of the view: those that it declares, or every number of the service.

        Raises
        ------
        DefinitionError
            For a feature that is not there, or is of another kind.
        """
        there = self._kinds
        if not self.view.columns:
            found = {name: AttributeColumn(kind=kind) for name, kind in there.items() if kind == "number"}
            self._check_default(found)
            return found
        for name, given in self.view.columns.items():
            theirs = given.column or name
            if theirs not in there:
                raise DefinitionError(
                    msg(
                        "{place}: columns.{name}: the service {service} has no feature {found!r}",
                        place=self.view.place,
                        name=name,
                        service=self.view.source.service,
                        found=theirs,
                    ),
                    hint=suggested(theirs, [*there]),
                )
            if there[theirs] != given.kind and not (given.kind == "number" and there[theirs] == "flag"):
                raise DefinitionError(
                    msg(
                        "{place}: columns.{name}: expected a {kind}, the service gives {found}",
                        place=self.view.place,
                        name=name,
                        kind=given.kind,
                        found=there[theirs] or msg("something else"),
                    ),
                    hint=msg("declare it as it is there; lists and structures are no features"),
                )
        return dict(self.view.columns)

    def check(self) -> None:
        """Look at everything that can be wrong before features are fetched; DefinitionError or DataError."""
        _ = self.columns, self.key, self.stamped

    @cached_property
    def store(self) -> Any:
        """Their ``feast.FeatureStore``."""
        file = self._file
        try:
            with quiet_feast():
                from feast import FeatureStore
                from feast.repo_config import load_repo_config

                config = load_repo_config(file.parent, file)
        except Exception as error:  # what is not YAML, or no configuration of Feast's
            raise self.failed(error) from error
        self._check_offline(config)
        self._check_registry(config.registry)
        try:
            with quiet_feast():
                return FeatureStore(repo_path=str(file.parent), config=config)
        except Exception as error:  # a registry that cannot be reached
            raise self.failed(error) from error

    @property
    def _file(self) -> Path:
        file = Path(self.settings.resolve(self.view.source.feast, f"views.{self.view.view}.from.feast"))
        if not file.is_file():
            raise DefinitionError(
                msg("{place}: from.feast: there is no file {file}", place=self.view.place, file=file),
                hint=msg("name the feature_store.yaml of their repo"),
            )
        return file

    def _check_offline(self, config: Any) -> None:
        kind = str(getattr(config.offline_store, "type", "dask"))
        if kind in _DROPPING:
            raise DefinitionError(
                msg(
                    "{place}: their offline_store is {kind}, which leaves out whoever has no row within the ttl",
                    place=self.view.place,
                    kind=kind,
                ),
                hint=msg(
                    "set offline_store: {{type: duckdb}} in a copy of their feature_store.yaml, and name that"
                ),
            )

    def _check_registry(self, registry: Any) -> None:
        """Refuse a registry of which Feast would make an empty one, and let it make no tables in one."""
        if hasattr(registry, "schema_mode"):
            registry.schema_mode = "verify"
        kind, path = getattr(registry, "registry_type", "file"), str(getattr(registry, "path", registry))
        if kind == "file" and "://" not in path and not (self._file.parent / path).is_file():
            raise DefinitionError(
                msg(
                    "{place}: there is no registry {file}",
                    place=self.view.place,
                    file=self._file.parent / path,
                ),
                hint=msg("run feast apply there, or correct registry in their feature_store.yaml"),
            )

    @cached_property
    def service(self) -> Any:
        """Their feature service."""
        name = self.view.source.service
        try:
            with quiet_feast():
                services = {one.name: one for one in self.store.list_feature_services()}
        except TagcastError:
            raise
        except Exception as error:  # a registry that cannot be read
            raise self.failed(error) from error
        if name not in services:
            raise DefinitionError(
                msg(
                    "{place}: from.service: there is no feature service {name!r}",
                    place=self.view.place,
                    name=name,
                ),
                hint=suggested(name, sorted(services)),
            )
        return services[name]

    @cached_property
    def _views(self) -> tuple[list[Any], list[Any]]:
        """The views that the service reads, those behind views on demand too; and the views on demand."""
        demand, plain = {}, {}
        with quiet_feast():
            on_demand = {view.name: view for view in self.store.list_on_demand_feature_views()}
            for projection in self.service.feature_view_projections:
                if projection.name in on_demand:
                    demand[projection.name] = on_demand[projection.name]
                    for source in on_demand[projection.name].source_feature_view_projections.values():
                        plain[source.name] = self.store.get_feature_view(source.name)
                else:
                    plain[projection.name] = self.store.get_feature_view(projection.name)
        return list(plain.values()), list(demand.values())

    @cached_property
    def _kinds(self) -> dict[str, ColumnKind | Any]:
        """The features of the service and what they are; empty for what no feature of ours can be."""
        for view in self._views[1]:
            if wanted := sorted(view.get_request_data_schema()):
                raise DefinitionError(
                    msg(
                        "{place}: {view} needs data of a request: {names}",
                        place=self.view.place,
                        view=view.name,
                        names=listed(wanted),
                    ),
                    hint=msg("at night nobody asks: name a service without it"),
                )
        return {
            feature.name: _KINDS.get(getattr(feature.dtype, "name", ""), "")
            for projection in self.service.feature_view_projections
            for feature in projection.features
        }

    @cached_property
    def _entity_columns(self) -> dict[str, str]:
        """The join keys of the service, and their types."""
        return {
            column.name: getattr(column.dtype, "name", "STRING")
            for view in self._views[0]
            for column in view.entity_columns
            if not column.name.startswith("__")
        }

    @cached_property
    def key(self) -> str:
        """The join key that holds the profile's id."""
        there = self._entity_columns
        key = self.view.key or (next(iter(there)) if len(there) == 1 else None)
        if key is None or set(there) != {key}:
            raise DefinitionError(
                msg(
                    "{place}: key: the service {service} is of {found}",
                    place=self.view.place,
                    service=self.view.source.service,
                    found=listed(sorted(there)) or msg("no entity"),
                ),
                hint=msg("name a service of one entity, and as key its join key that holds the profile's id"),
            )
        return key

    @property
    def key_type(self) -> str:
        """Its type, as Feast calls it."""
        return self._entity_columns[self.key]

    @cached_property
    def stamped(self) -> bool:
        """Whether rows say when they were written: those that came later are left out then.

        Raises
        ------
        DefinitionError
            Where their offline store cannot leave them out: backfilled rows would be known before they were.
        """
        stamped = [view.name for view in self._views[0] if view.batch_source.created_timestamp_column]
        if not stamped:
            return False
        with quiet_feast():
            store = self.store._get_provider().offline_store  # noqa: SLF001 - nothing public names it
        if not getattr(store, "supports_filter_by_created_timestamp", False):
            raise DefinitionError(
                msg(
                    "{place}: rows of {views} that were written afterwards cannot be left out by {store}",
                    place=self.view.place,
                    views=listed(stamped),
                    store=type(store).__name__,
                ),
                hint=msg(
                    "use an offline store that knows filter_by_created_timestamp, as duckdb, bigquery or redshift"
                ),
            )
        return True

    def _check_default(self, found: Mapping[str, AttributeColumn]) -> None:
        try:
            check_feature_names(found)
        except InvalidValueError as error:
            raise DefinitionError(
                msg("{place}: {problem}", place=self.view.place, problem=error.message),
                hint=msg(
                    "list columns, each under a name of your own: {example}",
                    example="nps: {kind: number, column: NPS}",
                ),
            ) from error
        if not found:
            raise DefinitionError(
                msg(
                    "{place}: the service {service} has no number",
                    place=self.view.place,
                    service=self.view.source.service,
                ),
                hint=msg("list columns: {names}", names=listed(sorted(self._kinds))),
            )

    def failed(self, error: Exception) -> TagcastError:
        """Return an error of theirs as one that names the view."""
        if isinstance(error, TagcastError):
            return error
        reason: Text = raw_text(error)
        return DataError(
            msg("{place}: Feast cannot read it: {reason}", place=self.view.place, reason=reason),
            hint=msg("try it with their own feast in {folder}", folder=self._file.parent),
        )
