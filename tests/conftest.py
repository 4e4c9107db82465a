"""Marks tests on PostgreSQL; prints how many faults were survived, at the end of `make faults`."""

from __future__ import annotations

import gc
import logging
import os
import shutil
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, Phase, settings

from tagcast.registry.access import passwords
from tagcast.registry.versions import tracking
from tests.support.faults.injection import FULL, tally
from tests.support.stores import drop_schemas, made

# Each test has a home of its own: in it, every one would compile the kernels anew.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "numba"))
# A suite that fails by chance stops whoever changes something else; `make explore` draws anew each time.
settings.register_profile("repeatable", derandomize=True, suppress_health_check=[HealthCheck.too_slow])
EXPLORED = 1_000
settings.register_profile("explore", max_examples=EXPLORED)
TIMES = 20
"""As often more than in the suite `make explore` draws for a test that says how often it draws."""
# For `make mutants`, which asks whether a test fails and not by how little.
settings.register_profile("no-shrink", derandomize=True, phases=(Phase.explicit, Phase.generate))
settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)  # before xdist writes the groups into the names of tests
def pytest_collection_modifyitems(config, items) -> None:
    if hasattr(config, "workerinput"):
        share_out(items)
    draw_more(items)


def share_out(items: list[pytest.Item]) -> None:
    """Let one worker run a whole file: two would each make what its tests share. What takes long comes first, or one waits.

    Parameters
    ----------
    items : list of pytest.Item
        In the order in which xdist hands out their groups.
    """
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))
        groups.setdefault(item.get_closest_marker("xdist_group").args[0], []).append(item)

    def slow_first(group: list[pytest.Item]) -> tuple[bool, int]:
        return all(item.get_closest_marker("slow") is None for item in group), -len(group)

    items[:] = [item for group in sorted(groups.values(), key=slow_first) for item in group]


def draw_more(items: list[pytest.Item]) -> None:
    """Let `make explore` draw more, also where a test says how often: each example of those takes long."""
    if settings.default.max_examples < EXPLORED:
        return
    for item in items:
        test = getattr(getattr(item, "obj", None), "__func__", getattr(item, "obj", None))
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if own is not None and own.max_examples < EXPLORED:
            more = settings(own, max_examples=min(EXPLORED, TIMES * own.max_examples))
            test._hypothesis_internal_use_settings = more


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what imports and collection made: it walked through all of it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


def pytest_unconfigure() -> None:
    """Let what was passed over go in the end: extensions complain of what they leave behind."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def log_of_nobody():
    """Begin each test with the log as a program has it: a command in a test before sent it to a stream of its own."""
    log = logging.getLogger("tagcast")
    log.handlers.clear()
    log.propagate = True


@pytest.fixture(autouse=True, scope="session")
def quick_hashing():
    """Effort is for those who guess: the suite would spend two minutes on passwords that it knows."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", lambda: quick)
        yield


@pytest.fixture(autouse=True, scope="session")
def one_fresh_database(tmp_path_factory):
    """Let MLflow run its migrations once a worker: each home of a test would spend two seconds on them."""
    made = tracking.ensure_database
    fresh = tmp_path_factory.mktemp("mlflow") / tracking.DATABASE

    def ensure(home: Path) -> None:
        absent = not any(home.glob(f"{tracking.DATABASE}*"))  # nor half-made by a process that was killed
        if absent and fresh.exists():
            # its contents alone: who may read it is decided by the mask under which this home is made
            shutil.copyfile(fresh, home / tracking.DATABASE)
        else:
            made(home)
            if absent:
                shutil.copyfile(home / tracking.DATABASE, fresh)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tracking, "ensure_database", ensure)
        yield


@pytest.fixture(autouse=True)
def no_schema_outlives_its_test():
    """Drop what a test made on the PostgreSQL server; what a fixture made for several tests stays."""
    before = len(made)
    yield
    if made[before:]:
        drop_schemas(made[before:])
        del made[before:]


def pytest_itemcollected(item) -> None:
    """Mark the PostgreSQL case of every test that runs on each kind of store or state."""
    params = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if any(isinstance(value, str) and value == "postgres" for value in params):
        item.add_marker(pytest.mark.postgres)


def pytest_terminal_summary(terminalreporter) -> None:
    if FULL:
        terminalreporter.write_line(f"faults survived {tally['survived']} of {tally['met']}")
