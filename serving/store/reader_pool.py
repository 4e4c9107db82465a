"""The active run, kept open for many callers at once.

Opening a run costs more than most questions to it: a console and an API keep a few readers of it open and lend them
out, each to one thread at a time. Which run is active is looked up at most once a second; readers of an older one
are closed as they come back.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Condition, Lock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

from sqlglot import exp

from tagcast.features.core.errors import StoreError, TagcastError
from tagcast.features.core.messages import msg
from tagcast.serving.store.errors import RunGoneError

if TYPE_CHECKING:
    from tagcast.serving.store.base import ProfileStore, StoreReader
    from tagcast.serving.store.manifest import Entry, Manifest

_Found = TypeVar("_Found")


Seen = Callable[["StoreReader"], "StoreReader"]
"""Takes a reader of a whole run, and returns what of it somebody may see."""


def whole(reader: StoreReader) -> StoreReader:
    """Return all that a reader shows: for what asks for nobody."""
    return reader


MOST_READERS = 8
"""More at once only makes each of them slower: a question to millions of profiles uses every core."""
CHECK_EVERY_SECONDS = 1.0
IDLE_SECONDS = 10.0
"""A reader that lay idle for so long is tried before it is lent: its server may have gone."""
WAIT_SECONDS = 30.0


class _Held:
    """A reader and what closes it."""

    def __init__(self, reader: StoreReader, stack: ExitStack) -> None:
        self.reader = reader
        self.stack = stack
        self.idle_since = 0.0

    def works(self) -> bool:
        """Return whether it still answers."""
        try:
            self.reader.query(exp.select("profile_id").from_("profiles").limit(1)).read_all()
        except Exception:  # noqa: BLE001 (whatever it is, the next question would meet it)
            return False
        return True


class _Run:
    """One run with its readers."""

    def __init__(self, store: ProfileStore, manifest: Manifest) -> None:
        self.manifest = manifest
        self.idle: list[_Held] = []
        self.found: dict[Hashable, Any] = {}
        self.lent = 0
        self.retired = False
        self._stack = ExitStack()
        self._another: Callable[[], AbstractContextManager[StoreReader]] = self._stack.enter_context(
            store.sharing(manifest)
        )

    def open(self) -> _Held:
        with ExitStack() as stack:
            reader = stack.enter_context(self._another())
            return _Held(reader, stack.pop_all())

    def retire(self) -> None:
        """Close what is idle; what is lent closes as it comes back, and the run with the last of it."""
        self.retired = True
        for held in self.idle:
            held.stack.close()
        self.idle.clear()
        if not self.lent:
            self.close()

    def close(self) -> None:
        self._stack.close()


class _Kept:
    """The run that a pool keeps open, apart from the pool: who drops the pool does not drop its connections unclosed."""

    run: _Run | None = None

    def close(self) -> None:
        """Close what is not lent."""
        run, self.run = self.run, None
        if run is not None:
            run.retire()


class RunReaderPool:
    """Readers of the active run, lent to threads; closed with the pool, or where it is dropped.

    Parameters
    ----------
    store : ProfileStore
    most : int
        Readers lent at once; who comes later waits.
    seconds : callable
        Counts seconds, from anywhere.
    """

    def __init__(
        self, store: ProfileStore, *, most: int = MOST_READERS, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self.store = store
        self._most = most
        self._seconds = seconds
        self._checked: float | None = None
        self._looking = Lock()
        self._free = Condition()
        self._lent = 0
        self._kept = _Kept()
        finalize(self, self._kept.close)

    def log(self) -> list[Entry]:
        """Return what was activated, oldest first."""
        return self.store.log()

    def current(self) -> Manifest | None:
        """Return the manifest of the active run, as of a second ago at most; None where nothing was published."""
        if self._kept.run is None and self.store.current() is None:
            return None
        return self._active(anew=False).manifest

    @contextmanager
    def reader(self, seen: Seen) -> Iterator[StoreReader]:
        """Lend a reader of the active run; it is one thread's alone until it is given back.

        Parameters
        ----------
        seen : callable
            Takes a reader of the whole run and returns what of it the caller may see, as
            :func:`tagcast.serving.filters.row_rights.reader_for` has it: there is no default, so that nobody forgets.

        Raises
        ------
        StoreError
            When nothing was published, the run cannot be read, or too many callers wait.
        """
        with self._place():
            run, held = self._borrow()
            try:
                yield seen(held.reader)
            except TagcastError:
                # Often a wrong question, sometimes a server that has gone.
                self._give_back(run, held, whole=held.works())
                raise
            except BaseException:
                self._give_back(run, None, whole=False)
                # The store's own error explains what it was.
                if not held.stack.__exit__(*sys.exc_info()):
                    raise
            else:
                self._give_back(run, held, whole=True)

    def once(self, reader: StoreReader, key: Hashable, find: Callable[[], _Found]) -> _Found:
        """Return what ``find`` finds out about the profiles that ``reader`` shows, computed once while its run is active."""
        return self.once_of_run(reader.manifest, (reader.shown, key), find)

    def once_of_run(self, manifest: Manifest, key: Hashable, find: Callable[[], _Found]) -> _Found:
        """Return what ``find`` finds out about a run and none of its profiles, computed once while it is active.

        Two concurrent callers may both compute it: the same run gives both the same.
        """
        run = self._kept.run
        if run is None or run.manifest.rows_in != manifest.rows_in:
            return find()
        if key not in run.found:
            run.found[key] = find()
        answer: _Found = run.found[key]
        return answer

    def close(self) -> None:
        """Close what is not lent; the rest closes as it comes back."""
        with self._free:
            self._checked = None
            self._kept.close()

    @contextmanager
    def _place(self) -> Iterator[None]:
        with self._free:
            if not self._free.wait_for(lambda: self._lent < self._most, timeout=WAIT_SECONDS):
                raise StoreError(
                    msg(
                        "too many questions at once: none of {most} readers came free in {seconds:.0f} s",
                        most=self._most,
                        seconds=WAIT_SECONDS,
                    ),
                    hint=msg("ask again in a moment"),
                )
            self._lent += 1
        try:
            yield
        finally:
            with self._free:
                self._lent -= 1
                self._free.notify()

    def _borrow(self) -> tuple[_Run, _Held]:
        for last_try in (False, True):
            run = self._active(anew=last_try)
            while True:
                with self._free:
                    if run.retired:
                        break  # a newer run came while we waited
                    run.lent += 1
                    held = run.idle.pop() if run.idle else None
                if held is None:
                    try:
                        return run, run.open()
                    except RunGoneError:
                        self._give_back(run, None, whole=False)
                        if last_try:
                            raise
                        break  # newer runs have displaced it
                    except BaseException:
                        self._give_back(run, None, whole=False)
                        raise
                if self._seconds() - held.idle_since < IDLE_SECONDS or held.works():
                    return run, held
                self._give_back(run, held, whole=False)
        raise StoreError(msg("the active run changed again and again"), hint=msg("ask again in a moment"))

    def _active(self, *, anew: bool) -> _Run:
        """Return the active run; while one thread looks for a newer one the others go on with the last."""
        run, checked = self._kept.run, self._checked
        if (
            run is not None
            and not anew
            and checked is not None
            and self._seconds() - checked < CHECK_EVERY_SECONDS
        ):
            return run
        if run is not None and not anew:
            if not self._looking.acquire(blocking=False):
                return run
        else:
            self._looking.acquire()
        try:
            return self._refreshed(anew=anew)
        finally:
            self._looking.release()

    def _refreshed(self, *, anew: bool) -> _Run:
        run = self._kept.run
        if (
            run is not None
            and not anew
            and self._checked is not None
            and self._seconds() - self._checked < CHECK_EVERY_SECONDS
        ):
            return run  # another thread has checked while this one waited for the lock
        manifest = self.store.current()
        if manifest is None:
            raise StoreError(
                msg("nothing has been published yet"),
                hint=msg("run {command} first", command="tagcast score --all"),
            )
        if run is None or anew or run.manifest.rows_in != manifest.rows_in:
            fresh = _Run(self.store, manifest)
            with self._free:
                self._kept.run = fresh
                if run is not None:
                    run.retire()
            run = fresh
        self._checked = self._seconds()
        return run

    def _give_back(self, run: _Run, held: _Held | None, *, whole: bool) -> None:
        with self._free:
            run.lent -= 1
            if held is not None and whole and not run.retired:
                held.reader.let_go()
                held.idle_since = self._seconds()
                run.idle.append(held)
            elif held is not None:
                held.stack.close()
            if run.retired and not run.lent:
                run.close()
