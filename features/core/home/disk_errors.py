"""What the disk and DuckDB say while something is written, as one error."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import reason_of

_SIGNS = ("No space left", "Disk quota", "File too large", "max_temp_directory_size")


@contextmanager
def disk_errors(folder: Path, stays: Message, kind: type[TagcastError]) -> Iterator[None]:
    """Raise ``kind`` for what goes wrong in writing to ``folder``.

    Parameters
    ----------
    folder : Path
    stays : Message
        What is still as it was, for the message.
    kind : type of TagcastError
    """
    import duckdb

    try:
        yield
    except TagcastError:
        raise
    except (OSError, duckdb.Error) as error:
        text = str(error)
        full = getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        if full or any(sign in text for sign in _SIGNS):
            raise kind(
                msg("the disk is full: {folder} cannot be written; {stays}", folder=folder, stays=stays),
                hint=msg("free some space, or name another --home, and run again"),
            ) from error
        starved = isinstance(error, duckdb.OutOfMemoryException)
        raise kind(
            msg(
                "{folder} cannot be written: {reason}",
                folder=folder,
                reason=reason_of(error),
            ),
            hint=msg("raise memory_limit in the configuration; {stays}", stays=stays)
            if starved
            else msg("check the folder and its rights; {stays}", stays=stays),
        ) from error
