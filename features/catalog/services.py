"""Feature services that a company declares beside its views: lists of features by name, which several tags share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import Field, PrivateAttr, field_validator

from tagcast.features.catalog.feature_set import OPTIONAL, SERVICES, SHIPPED, WINDOWS_DAYS, FeatureSet
from tagcast.features.catalog.view_declarations import NAME
from tagcast.features.catalog.view_files import ViewDeclaration, declared_views, documents, model_of
from tagcast.features.core.errors import DefinitionError
from tagcast.features.core.messages import Text as Message
from tagcast.features.core.messages import listed, msg
from tagcast.features.core.schema.entities import PROFILE
from tagcast.features.core.settings import Settings
from tagcast.features.core.titles import Text
from tagcast.features.core.validation import InvalidValueError, Strict, suggested
from tagcast.features.entities.relations import check_entity


class ServiceDeclaration(Strict):
    """A feature service as it is declared in YAML; it becomes a Feast FeatureService."""

    service: str = Field(pattern=NAME)
    title: Text | None = None
    description: str = ""
    owner: str = ""
    entity: str = Field(
        PROFILE, description="whose features these are: profile, or an entity of the configuration"
    )
    features: tuple[str, ...] = Field(min_length=1, description="views, or single features as view.feature")
    _file: str = PrivateAttr("")

    def read_from(self, file: Path) -> None:
        """Remember the file, for errors that are found later."""
        self._file = str(file)

    @property
    def place(self) -> str:
        """What errors call it: its file and its name."""
        return f"{self._file}: {self.service}"

    @field_validator("service")
    @classmethod
    def _check_service(cls, value: str) -> str:
        if value in SERVICES:
            raise InvalidValueError(
                msg("{name} is the name of a feature service of tagcast's own: take another", name=value)
            )
        return value

    @field_validator("features")
    @classmethod
    def _check_features(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if twice := sorted({one for one in value if value.count(one) > 1}):
            raise InvalidValueError(msg("features names one twice: {found}", found=listed(twice)))
        return value


def declared_services(settings: Settings) -> tuple[ServiceDeclaration, ...]:
    """Return the feature services that a project declares of the entity of ``settings``.

    Raises
    ------
    DefinitionError
        Naming the file, the key, what was found and what would be right.
    """
    services = _loaded(settings.features_folder) if settings.features_folder is not None else {}
    for one in services.values():
        check_entity(settings, one.entity, one.place)
    own = tuple(one for one in services.values() if one.entity == settings.entity)
    views = declared_views(settings) if own else ()
    for one in own:
        check_named(one.place, one.features, views)
    return own


def check_named(place: Message, chosen: Sequence[str], views: Sequence[ViewDeclaration]) -> None:
    """Check that every view and feature of a list is there.

    Parameters
    ----------
    place : Message or str
        What errors call the list.
    chosen : sequence of str
        Views, or single features as ``view.feature``.
    views : sequence of ViewDeclaration
        The declared ones; of another Feast repo, one without columns may have any feature.

    Raises
    ------
    DefinitionError
        Naming the nearest names.
    """
    shipped = FeatureSet(WINDOWS_DAYS, OPTIONAL)
    known = {view: tuple(f.name for f in shipped.features(view)) for view in SHIPPED}
    known |= {view.view: tuple(dict.fromkeys((*view.names, *view.column_names))) for view in views}
    attributes: Mapping[str, Sequence[str]] = {view.view: tuple(getattr(view, "tags", ())) for view in views}
    open_ended = {view.view for view in views if view.kind == "feast" and not view.names}
    for one in chosen:
        view, dot, name = one.partition(".")
        if view not in known:
            raise DefinitionError(
                msg("{place}: features names {view!r}, and there is no such view", place=place, view=view),
                hint=suggested(view, list(known)),
            )
        if name in attributes.get(view, ()):
            raise DefinitionError(
                msg(
                    "{place}: features names {name}, and no model learns from tags of others",
                    place=place,
                    name=one,
                ),
                hint=msg(
                    "their values of past days are not known; learn from the features that they are made of"
                ),
            )
        # Which levels a word has, its data say; which columns another Feast repo has, that repo.
        if dot and view not in open_ended and not _is_of(name, known[view]):
            raise DefinitionError(
                msg("{place}: the view {view} has no feature {name!r}", place=place, view=view, name=name),
                hint=suggested(name, known[view]),
            )


def _is_of(name: str, features: Sequence[str]) -> bool:
    return name in features or any(name.startswith(f"{own}_is_") for own in features)


def _loaded(folder: Path) -> dict[str, ServiceDeclaration]:
    services: dict[str, ServiceDeclaration] = {}
    for file in sorted(folder.glob("*.yaml")):
        content = file.read_bytes()
        if b"service" not in content:
            continue  # reading YAML takes its time, and most files hold views alone
        for raw in documents(file, content):
            if not (isinstance(raw, dict) and "service" in raw and "view" not in raw):
                continue
            one = model_of(ServiceDeclaration, raw, f"{file}: {raw['service']}")
            one.read_from(file)
            if one.service in services:
                raise DefinitionError(
                    msg(
                        "{place}: a second service of this name, the first is in {other}",
                        place=one.place,
                        other=services[one.service].place.partition(": ")[0],
                    ),
                    hint=msg("rename one"),
                )
            services[one.service] = one
    return services
