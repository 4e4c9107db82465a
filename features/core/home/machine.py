"""Faults of the machine as one message: rights of files, memory, libraries that cannot be loaded."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator

from tagcast.features.core.errors import MachineError
from tagcast.features.core.home.extras import missing_extra
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text, reason_of

_WITHOUT_WORDS = "without exception set"
"""Python's own words where memory ended in its C code, which then cannot even make an exception."""
_NO_MEMORY = ("cannot allocate memory", "failed to map segment", "out of memory")


def machine_fault(error: Exception) -> MachineError | None:
    """Return what a person can do about ``error``; None where it is no fault of the machine.

    Parameters
    ----------
    error : Exception
        As Python or a library raised it.
    """
    # By its name: whoever raised it has loaded DuckDB, and nobody else should for this.
    starved = (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryException"
        or (isinstance(error, SystemError) and _WITHOUT_WORDS in str(error))
    )
    if isinstance(error, BrokenPipeError) or not (starved or isinstance(error, OSError | ImportError)):
        return None  # a closed pipe: whoever read the output has enough of it
    if starved or any(_starved(part) for part in _chain(error)):
        return MachineError(
            msg("the machine gives this process too little memory"),
            hint=msg(
                "raise its limit (ulimit -v, the container's memory), or lower memory_limit in the configuration"
            ),
        )
    if isinstance(error, ImportError) and (missing := missing_extra(error)) is not None:
        return missing
    if isinstance(error, ImportError) or getattr(error, "errno", None) is None:  # ctypes gives no number
        return MachineError(
            msg("a library cannot be loaded: {reason}", reason=raw_text(error)),
            hint=msg("install tagcast again; under a limit of memory (ulimit -v) raise it"),
        )
    where = getattr(error, "filename", None) or msg("a file")
    return MachineError(
        msg("{file} cannot be used: {reason}", file=where, reason=reason_of(error)),
        hint=msg("check that it is there and that the user of this command may read and write it"),
    )


def drop_unraisable_memory_error(unraisable: sys.UnraisableHookArgs) -> None:
    """Print what could not be raised, as ``sys.unraisablehook``; but nothing of a MemoryError.

    Where memory ends while Python cleans up, the error that a person reads is raised as well; Python's traceback of what it
    ignored would stand above it.
    """
    if not issubclass(unraisable.exc_type, MemoryError):
        sys.__unraisablehook__(unraisable)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield ``error`` and what it came from: some libraries put words of their own over the system's."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _starved(error: BaseException) -> bool:
    return getattr(error, "errno", None) == errno.ENOMEM or any(s in str(error).lower() for s in _NO_MEMORY)
