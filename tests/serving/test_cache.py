"""Remembered answers: bounded, timed, computed once for all who ask at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from tagcast.serving.cache import TTLCache


class Seconds:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_lives_as_long_as_it_was_asked_for():
    seconds = Seconds()
    cache = TTLCache(seconds)
    answers = iter(range(9))

    def ask() -> int:
        return cache.get("short", lambda: next(answers), seconds=10)

    assert (ask(), ask()) == (0, 0)
    seconds.now = 9.9
    assert ask() == 0
    seconds.now = 10
    assert (ask(), ask()) == (1, 1)
    assert cache.get("for good", lambda: "kept") == "kept"
    seconds.now = 1e9
    assert cache.get("for good", lambda: "found anew") == "kept"


def test_none_is_an_answer_too():
    cache = TTLCache()
    answers = iter([None, "second"])
    assert [cache.get("a", lambda: next(answers)) for _ in range(2)] == [None, None]


def test_the_least_recently_used_goes_when_it_is_full():
    cache = TTLCache(max_entries=3)
    for key in "abc":
        cache.get(key, lambda key=key: key)
    cache.get("a", lambda: "computed again")
    cache.get("d", lambda: "d")
    assert len(cache._entries) == 3
    assert cache.get("a", lambda: "computed again") == "a"
    assert cache.get("b", lambda: "computed again") == "computed again"
    for number in range(1000):
        cache.get(("version", number), lambda: "a card")
    assert len(cache._entries) == 3


def test_forgotten_is_computed_again():
    cache = TTLCache()
    answers = iter("ab")
    cache.get("key", lambda: next(answers))
    cache.forget("key")
    cache.forget("never seen")
    assert cache.get("key", lambda: next(answers)) == "b"


def test_an_error_is_not_kept():
    cache = TTLCache()

    def fail() -> str:
        raise OSError("gone")

    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            cache.get("key", fail)
    assert cache.get("key", lambda: "back") == "back"


def test_concurrent_callers_share_one_computation():
    cache = TTLCache()
    together = Barrier(8)
    computed = []

    def ask(_number: int) -> object:
        together.wait()
        return cache.get("key", lambda: computed.append(1) or object())

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(8)))
    assert len(answers) == len(computed) == 1


def test_those_who_waited_for_an_error_try_themselves():
    cache = TTLCache()
    together = Barrier(4)
    outcomes = iter([OSError("first"), "second", "third", "fourth"])

    def find() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def ask(_number: int) -> str:
        together.wait()
        try:
            return cache.get("key", find)
        except OSError:
            return "failed"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(ask, range(4))) == ["failed", "second", "second", "second"]


def test_one_key_does_not_hold_up_another():
    cache = TTLCache()
    started, finish = Event(), Event()

    def slow() -> str:
        started.set()
        assert finish.wait(10)
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cache.get, "slow", slow)
        assert started.wait(10)
        assert cache.get("other", lambda: "at once") == "at once"
        assert cache.get("nested", lambda: cache.get("inner", lambda: "inside")) == "inside"
        finish.set()
        assert waiting.result(10) == "slow"
