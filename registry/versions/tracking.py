"""Where MLflow keeps runs and models: opened quietly, created once, never in the working directory.

MLflow itself is loaded by the first who writes: what only reads state goes without it.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tagcast.features.core.errors import ModelError
from tagcast.features.core.home.stamp import check_kept, mark
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.core.schema.operation import Mlflow
from tagcast.features.core.system import private_folder
from tagcast.features.core.urls import without_passwords
from tagcast.registry.versions.decision_log import DecisionLog
from tagcast.registry.versions.home_database import (
    ARTIFACTS,
    DATABASE,
    ensure_database,
    follow_home,
    sqlite_uri,
)
from tagcast.registry.versions.mlflow_reader import ClientReader, DatabaseReader, MlflowReader, is_database
from tagcast.registry.versions.names import EXPERIMENT, made_by_tagcast, ownership

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from tagcast.features.core.settings import Settings

VARIABLE = "MLFLOW_TRACKING_URI"
LOCK_TIMEOUT_S = 120.0  # another process creates the database in 5 to 10 s

_REFUSED = re.compile(r"out-of-date database schema \(found version (\w+)")

# MLflow reads these when it is first imported. A value that is already set wins.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
}


@dataclass(frozen=True)
class Tracking:
    """An open MLflow, and the log of what was decided about its models.

    Parameters
    ----------
    home : Path
        Folder that keeps everything made.
    project : str
        Registered models carry it, so that two projects on one server do not take each other's tags.
    uri : str
        Tracking URI, kept out of ``repr``: it may hold a password.
    decisions : DecisionLog
        Who activated which version, when and why.
    place : str
        Where the URI is given, for errors.
    given : Mlflow
        The table ``[mlflow]`` of the configuration.
    """

    home: Path
    project: str
    uri: str = field(repr=False)
    decisions: DecisionLog = field(repr=False, compare=False)
    place: str
    given: Mlflow = field(default_factory=Mlflow, repr=False)

    def model_name(self, tag: str) -> str:
        """Return the name of the registered model of ``tag``."""
        return f"{self.given.prefix}{tag}"

    @property
    def is_own(self) -> bool:
        """Whether the records lie in the home, and with them all files."""
        return self.uri == sqlite_uri(self.home / DATABASE)

    @property
    def client(self) -> MlflowClient:
        """MLflow's client, bound to ``uri``: no global state of MLflow is used. The first who asks loads MLflow."""
        return self._opened[0]

    @property
    def experiment_id(self) -> str:
        """The experiment of the runs, created where there is none."""
        return self._opened[1]

    @cached_property
    def reader(self) -> MlflowReader:
        """Reads versions without loading MLflow where a database keeps them."""
        # Another registry or workspace than the default is MLflow's business to find.
        elsewhere = os.environ.get("MLFLOW_REGISTRY_URI") or os.environ.get("MLFLOW_WORKSPACE")
        if is_database(self.uri) and not elsewhere:
            return DatabaseReader(self.uri, self.given.prefix)
        return ClientReader(self.client, self.given.prefix)

    @cached_property
    def _opened(self) -> tuple[MlflowClient, str]:
        with store_errors(_cannot_open(self.place)), _locked(self.home / "mlflow.lock"):
            return _open(self)


def tracking_exists(home: Path, given: Mlflow | None = None) -> bool:
    """Return whether anything was ever tracked for ``home``, without loading MLflow.

    Raises
    ------
    ModelError
        When the home's own database is gone.
    """
    if (given and given.tracking_uri) or os.environ.get(VARIABLE):
        return True
    _check_kept(home)
    return (home / DATABASE).is_file()


def _check_kept(home: Path) -> None:
    """Raise where the home's own database was made once and is gone, or was emptied."""
    file = home / DATABASE
    there = file.is_file() and file.stat().st_size > 0
    held = msg("every model version and which one is champion")
    check_kept(home, DATABASE, str(file), held, ModelError, there=there)
    if file.is_file() and not there:
        raise ModelError(
            msg("{file} is empty: no MLflow makes a database like that", file=file),
            hint=msg("restore it from a backup; where nothing was trained yet, delete it"),
        )


def tracking_of(settings: Settings) -> Tracking:
    """Open the MLflow of a project, the same for each of its entities; ModelError as of :func:`open_tracking`."""
    return open_tracking(
        settings.whole.home, project=settings.name, given=settings.mlflow, file=settings.path.name
    )


def open_tracking(
    home: Path, *, project: str = "tagcast", given: Mlflow | None = None, file: str = "tagcast.toml"
) -> Tracking:
    """Open MLflow for ``home``: what ``given`` or else ``MLFLOW_TRACKING_URI`` names, or a SQLite file in the home.

    The first opening creates the database (MLflow runs its migrations, some seconds), aside and under
    a lock: processes that start together wait for the first, and a killed one leaves nothing half-made.

    Parameters
    ----------
    home : Path
        Created where absent.
    project : str
        Name of the project, and of the MLflow experiment unless ``given`` names one.
    given : Mlflow, optional
        The table ``[mlflow]`` of the configuration.
    file : str
        Name of the configuration, for messages.

    Raises
    ------
    ModelError
        When the database or the server cannot be read, or the experiment is somebody else's.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    home = home.absolute()
    given = given or Mlflow()
    named = given.place(file)
    elsewhere = named or os.environ.get(VARIABLE, "")
    place = f"{file}: mlflow.tracking_uri" if named else VARIABLE if elsewhere else str(home / DATABASE)
    with store_errors(_cannot_open(place)):
        private_folder(home)
        if not elsewhere:
            _check_kept(home)
        if elsewhere or os.access(home, os.W_OK):
            with _locked(home / "mlflow.lock"):
                if not elsewhere:
                    ensure_database(home)
                    follow_home(home / DATABASE)
                    mark(home, project, DATABASE)
        uri = elsewhere or sqlite_uri(home / DATABASE)
    tracking = Tracking(home, project, uri, DecisionLog(home, project), place, given)
    if not is_database(uri):
        _ = tracking.client  # whether a server answers is said now, not halfway through the work
    return tracking


def _cannot_open(place: str) -> Message:
    return msg("the model registry {file} cannot be opened", file=place)


@contextmanager
def store_errors(message: Message) -> Iterator[None]:
    """Turn what MLflow and its storage raise into a ModelError that starts with ``message``."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, _storage_errors()):
            raise
        detail = (str(getattr(error, "orig", None) or error).strip() or type(error).__name__).splitlines()[0]
        if given := os.environ.get(VARIABLE):
            detail = detail.replace(given, VARIABLE)
        detail = without_passwords(detail)
        raise ModelError(
            msg("{problem}: {reason}", problem=message, reason=raw_text(detail)),
            hint=_hint(detail),
        ) from error


def _hint(problem: str) -> Message:
    """Return how to solve ``problem``, a text of MLflow or of its storage."""
    found = _REFUSED.search(problem)
    if found is None:
        return msg(
            "check the disk and that no other program holds the file; where mlflow.tracking_uri or MLFLOW_TRACKING_URI "
            "is set, that the server answers and lets you in"
        )
    installed = version("mlflow-skinny")  # the part of MLflow that is there without the whole, too
    if _is_known(found[1]):
        return msg(
            "the database is of an older MLflow than {installed}: copy it, then bring it up to date with {command}",
            installed=installed,
            command="mlflow db upgrade sqlite:///HOME/mlflow.db",
        )
    return msg(
        "the database is of a newer MLflow than {installed}, which cannot read it: install the version that made it "
        "({command}), or restore a backup from before",
        installed=installed,
        command="pip install --upgrade mlflow",
    )


def _is_known(revision: str) -> bool:
    """Return whether the installed MLflow has a migration of this name, and so is the newer of the two."""
    spec = find_spec("mlflow")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    migrations = folder.glob("store/db_migrations/versions/*.py")
    return any(file.name.startswith(revision) for file in migrations)


def _storage_errors() -> tuple[type[Exception], ...]:
    """Return what MLflow and its storage raise; a library that is not loaded has raised nothing."""
    named = (("mlflow.exceptions", "MlflowException"), ("sqlalchemy.exc", "SQLAlchemyError"))
    loaded = (getattr(sys.modules[module], name) for module, name in named if module in sys.modules)
    return (sqlite3.Error, OSError, *loaded)


def _open(tracking: Tracking) -> tuple[MlflowClient, str]:
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    uri, name = tracking.uri, tracking.given.experiment_of(tracking.project)
    client = MlflowClient(uri, os.environ.get("MLFLOW_REGISTRY_URI") or uri)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        # A server decides where artifacts go; a database would put them into the working directory.
        served = uri.startswith(("http:", "https:", "databricks"))
        location = None if served else (tracking.home / ARTIFACTS).as_uri()
        try:
            return client, str(
                client.create_experiment(name, location, ownership(tracking.project) | EXPERIMENT)
            )
        except MlflowException:
            experiment = client.get_experiment_by_name(name)  # another process was first
            if experiment is None:
                raise
    if not tracking.is_own and not made_by_tagcast(experiment.tags):
        raise ModelError(
            msg(
                "{place}: tagcast did not make the experiment {name!r} there", place=tracking.place, name=name
            ),
            hint=msg("give mlflow.experiment another name, or tag the experiment managed_by = tagcast"),
        )
    return client, str(experiment.experiment_id)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock that the system releases when the process dies (SQLite's, on any system)."""
    with closing(sqlite3.connect(file, timeout=LOCK_TIMEOUT_S, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
