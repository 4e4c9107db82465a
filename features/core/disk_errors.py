"""Errors of the disk and of DuckDB while something is written, as one clear error."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tagcast.features.core.errors import TagcastError

_SIGNS = ("No space left", "Disk quota", "File too large", "max_temp_directory_size")


@contextmanager
def disk_errors(folder: Path, stays: str, kind: type[TagcastError]) -> Iterator[None]:
    """Raise ``kind`` for what goes wrong in writing to ``folder``.

    Parameters
    ----------
    folder : Path
    stays : str
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
                f"the disk is full: {folder} cannot be written; {stays}",
                hint="free some space, or name another --home, and run again",
            ) from error
        raise kind(
            f"{folder} cannot be written: {text.splitlines()[0] if text else type(error).__name__}",
            hint=f"check the folder and its rights; {stays}",
        ) from error
