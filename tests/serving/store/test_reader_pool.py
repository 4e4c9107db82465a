"""Readers of the active run, lent to many threads."""

from __future__ import annotations

import gc
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from tagcast.features.core.errors import FilterError, NotFoundError, StoreError
from tagcast.serving.audiences.queries import count
from tagcast.serving.profiles.profile_query import profile
from tagcast.serving.store.base import ProfileStore
from tagcast.serving.store.reader_pool import RunReaderPool, whole
from tests.support.published import NOW, publish
from tests.support.stores import KINDS, make_store


@pytest.fixture(params=KINDS)
def store(request, tmp_path) -> ProfileStore:
    return make_store(request.param, tmp_path)


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def runs(store, seconds):
    opened = RunReaderPool(store, most=4, seconds=seconds)
    yield opened
    opened.close()


def test_nothing_published_is_said(runs) -> None:
    with pytest.raises(StoreError, match="nothing has been published yet"), runs.reader(whole):
        pass


def test_a_pool_that_is_dropped_leaves_no_connection_open(store) -> None:
    publish(store, "one")
    dropped = RunReaderPool(store)
    with dropped.reader(whole) as reader:
        count(reader, "city = 'Oslo'", NOW)
    dropped.itself = dropped  # type: ignore[attr-defined]  # as a web application holds what holds it: found by the collector alone
    del dropped, reader
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        gc.collect()
    assert [str(one.message) for one in said if one.category is ResourceWarning] == []


def test_fifty_clients_at_once_get_the_same_answer(store, runs) -> None:
    publish(store, "one")

    def ask(_: int) -> int:
        with runs.reader(whole) as reader:
            return count(reader, "churn_risk = 'yes' AND city = 'Oslo'", NOW).members

    with ThreadPoolExecutor(50) as pool:
        found = set(pool.map(ask, range(200)))
    assert len(found) == 1


def test_a_newer_run_is_seen_within_a_second_and_the_older_one_is_let_go(store, runs, seconds) -> None:
    publish(store, "one", keep=1)
    with runs.reader(whole) as older:
        assert older.manifest.run.run_id == "one"
        publish(store, "two", rows=60, keep=1)
        with runs.reader(whole) as still:
            assert still.manifest.run.run_id == "one"
        seconds.now = 1.5
        with runs.reader(whole) as newer:
            assert newer.manifest.run.run_id == "two"
            assert count(newer, "age >= 0", NOW).members == 60
        assert count(older, "age >= 0", NOW).members == 100  # as it was opened
    publish(store, "three", keep=1)
    assert len(store.stored()) <= 2  # the run of "older" is not held any more


def test_an_error_of_a_question_leaves_the_reader_usable(store, runs) -> None:
    publish(store, "one")
    for _ in range(6):  # more than there are readers
        with pytest.raises(FilterError), runs.reader(whole) as reader:
            count(reader, "nobody = 1", NOW)
        with pytest.raises(NotFoundError, match="no profile"), runs.reader(whole) as reader:
            profile(reader, "nobody")
        with pytest.raises(ZeroDivisionError), runs.reader(whole):
            raise ZeroDivisionError
    with runs.reader(whole) as reader:
        assert count(reader, "age >= 0", NOW).members == 100


def test_who_comes_when_all_are_lent_waits(store, runs) -> None:
    publish(store, "one")
    here, leave = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        with runs.reader(whole):
            here.release()
            leave.wait(10)

    holders = [threading.Thread(target=hold) for _ in range(4)]
    for holder in holders:
        holder.start()
    for _ in holders:
        assert here.acquire(timeout=10)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: runs.reader(whole).__enter__().manifest.profiles)
        assert not waiting.done()
        leave.set()
        assert waiting.result(10) == 100
    for holder in holders:
        holder.join()
