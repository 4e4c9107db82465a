"""The tables of `tagcast.toml` on what is known of profiles, and of entities beside them: attributes, and facts of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import Field, model_validator

from tagcast.features.core.messages import msg
from tagcast.features.core.schema.secrets import Secret
from tagcast.features.core.schema.sources import Place
from tagcast.features.core.titles import Text
from tagcast.features.core.urls import scheme_of
from tagcast.features.core.validation import InvalidValueError, Strict, with_near


class Profiles(Place):
    """Attributes of profiles, to filter on."""

    key: str
    columns: tuple[str, ...] = Field(min_length=1)
    sensitive: tuple[str, ...] = Field(
        (), description="columns that only people with the right to sensitive ones see, filter by and export"
    )
    hashed: tuple[str, ...] = Field(
        (), description="columns of which HMAC-SHA256 digests are stored, never what the file says"
    )
    hash_key: Secret | None = Field(
        None, description="${VARIABLE} with the key of those digests, 32 characters at least"
    )

    titles: dict[str, Text] = Field(
        default_factory=dict, description="column = what people call it; default: its name"
    )
    labels: dict[str, dict[str, Text]] = Field(
        default_factory=dict, description="column = {value = what people call it}; of a flag true and false"
    )

    @model_validator(mode="after")
    def _check_sensitive(self) -> Self:
        given: dict[str, Iterable[str]] = {"sensitive": self.sensitive, "hashed": self.hashed}
        for key, columns in {**given, "titles": self.titles, "labels": self.labels}.items():
            for column in columns:
                if column not in self.columns:
                    problem = msg("{key}: {column!r} is not in columns", key=key, column=column)
                    raise InvalidValueError(with_near(problem, column, self.columns))
        return self

    @model_validator(mode="after")
    def _check_hashed(self) -> Self:
        if bool(self.hashed) != (self.hash_key is not None):
            raise InvalidValueError(
                msg('hashed and hash_key go together: hash_key = "${{TAGCAST_HASH_KEY}}"')
            )
        # What is fetched from elsewhere is kept in the home as it came, and so would be what was to be hidden.
        here = self.path is not None and scheme_of(self.path) in {None, "file"}
        if self.hashed and not (here or (self.path or "").startswith("package:")):
            raise InvalidValueError(
                msg(
                    "hashed is for files of this machine: what comes from elsewhere is kept in the home as it came; "
                    "hash the columns where they are"
                )
            )
        return self


class Facts(Strict):
    """Which features a run keeps beside its tags, to filter on, and who sees them."""

    keep: tuple[str, ...] | None = Field(
        None, description="views, or features as view.feature. Default: all of the entity; []: none"
    )
    sensitive: tuple[str, ...] = Field(
        (),
        description="views, or features as view.feature, that only people with the right to sensitive ones see, filter by and "
        "export",
    )

    def hides(self, view: str, feature: str) -> bool:
        """Return whether a feature is marked sensitive."""
        return view in self.sensitive or f"{view}.{feature}" in self.sensitive
