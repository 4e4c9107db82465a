"""What was raised while a candidate was worked on: of others as one line, of tagcast with its place."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import Text, msg
from tagcast.features.core.raw_errors import raw_text


def raised(error: BaseException) -> Text:
    """Return the kind of an error and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return raw_text(f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__)


def raised_in(error: BaseException, folder: str) -> Text:
    """Return :func:`raised` with the last line of a file under ``folder`` that was on the way, where there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    if not own:
        return raised(error)
    place = f"{Path(own[-1].filename).relative_to(folder)}:{own[-1].lineno}"
    return msg("{reason} ({place})", reason=raised(error), place=place)


@contextmanager
def placed(place: str) -> Iterator[None]:
    """Name file and key, which are ``place``, in what is wrong."""
    try:
        yield
    except TagcastError as error:
        raise type(error)(
            msg("{place}: {problem}", place=place, problem=error.message), hint=error.hint
        ) from error
