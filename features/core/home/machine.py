"""Faults of the machine as one message: rights of files, memory, libraries that cannot be loaded."""

from __future__ import annotations

import errno

from tagcast.features.core.errors import MachineError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text, reason_of

_NO_MEMORY = ("cannot allocate memory", "failed to map segment", "out of memory")


def machine_fault(error: OSError | MemoryError | ImportError) -> MachineError:
    """Return what a person can do about ``error``.

    Parameters
    ----------
    error : OSError, MemoryError or ImportError
        As Python or a library raised it.
    """
    text = str(error).lower()
    starved = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
    if starved or any(sign in text for sign in _NO_MEMORY):
        return MachineError(
            msg("the machine gives this process too little memory"),
            hint=msg(
                "raise its limit (ulimit -v, the container's memory), or lower memory_limit in the configuration"
            ),
        )
    if isinstance(error, ImportError):
        return MachineError(
            msg("a library cannot be loaded: {reason}", reason=raw_text(error)),
            hint=msg("install tagcast again; under a limit of memory (ulimit -v) raise it"),
        )
    where = getattr(error, "filename", None) or msg("a file")
    return MachineError(
        msg("{file} cannot be used: {reason}", file=where, reason=reason_of(error)),
        hint=msg("check that it is there and that the user of this command may read and write it"),
    )
