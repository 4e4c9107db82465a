"""Feast without what it prints and warns of, and what it raises as errors of tagcast's own."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import raw_text

if TYPE_CHECKING:
    from tagcast.features.feast_store.place import FeastPlace


@contextmanager
def quiet_feast() -> Iterator[None]:
    """Use Feast without its warnings about libraries, and without what it prints: stdout is a command's answer."""
    os.environ.setdefault("FEAST_USAGE", "False")
    with warnings.catch_warnings(), redirect_stdout(StringIO()), _modules_as_written():
        warnings.simplefilter("ignore")
        yield
        _forget_import_error()


@contextmanager
def feast_errors(place: FeastPlace) -> Iterator[None]:
    """Turn what Feast and the stores of a company raise into a ConfigError that names the place, without what variables hold.

    What goes wrong in the home is a fault of this machine, and said by whoever catches those.

    Parameters
    ----------
    place : FeastPlace
    """
    try:
        yield
    except Exception as error:
        if not place.handed_on or not isinstance(error, _raised_by_feast()):
            raise
        raise ConfigError(
            msg(
                "{where}: Feast cannot use it: {reason}",
                where=place.key,
                reason=raw_text(place.without_secrets(_text(error))),
            ),
            hint=_hint(error),
        ) from error


def _text(error: Exception) -> str:
    """Return what an error says, of pydantic's the keys and the problems without the values that were given."""
    if type(error).__name__ == "ValidationError":
        found = cast("Any", error).errors(include_url=False, include_input=False)
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found)
    return str(getattr(error, "orig", None) or error).strip()


def release(registry: Any) -> None:
    """Close the connections that a registry in a database holds: Feast leaves them open.

    Parameters
    ----------
    registry : feast.infra.registry.base_registry.BaseRegistry
    """
    for name in ("read_engine", "write_engine"):
        engine = getattr(registry, name, None)
        if engine is not None:
            engine.dispose()


def _hint(error: Exception) -> Message:
    if isinstance(error, ImportError) or type(error).__name__ == "FeastExtrasDependencyImportError":
        return msg(
            "install what the store needs: {command} (a PostgreSQL registry is then {url}); any other as Feast's documentation says",
            command="pip install 'tagcast[postgres,redis]'",
            url="postgresql+psycopg://…",
        )
    return msg("check that the server answers, that variables hold what they should, and the keys in [feast]")


def _raised_by_feast() -> tuple[type[Exception], ...]:
    """Return what Feast and its stores raise; a library that is not loaded has raised nothing."""
    named = (
        ("feast.errors", "FeastError"),
        ("sqlalchemy.exc", "SQLAlchemyError"),
        ("redis.exceptions", "RedisError"),
        ("pydantic", "ValidationError"),
        ("botocore.exceptions", "BotoCoreError"),
        ("google.api_core.exceptions", "GoogleAPIError"),
    )
    loaded = (getattr(sys.modules[module], name) for module, name in named if module in sys.modules)
    return (ImportError, OSError, *loaded)


def _forget_import_error() -> None:
    """Let go of whoever imported Feast.

    It keeps the error of importing torch for good, whose traceback holds the frames down to the command, and the training rows in
    them.
    """
    error = getattr(sys.modules.get("feast.torch_wrapper"), "_torch_import_error", None)
    if error is not None:
        error.__traceback__ = None


@contextmanager
def _modules_as_written() -> Iterator[None]:
    """Import Feast's modules as they are written.

    Each asks typeguard to rewrite it so that arguments are checked as it runs: 5 of the 7 CPU-s that Feast takes to import,
    for calls that are written here and checked by mypy.
    """
    try:
        import typeguard
    except ImportError:  # Feast's, not ours: a version without it has nothing to skip
        yield
        return

    def typechecked(target: Any = None, **_: Any) -> Any:
        return typechecked if target is None else target

    asked = typeguard.typechecked
    setattr(typeguard, "typechecked", typechecked)  # noqa: B010
    try:
        yield
    finally:
        setattr(typeguard, "typechecked", asked)  # noqa: B010
