"""What parsers, the disk and databases raise, as messages: why in our own words where it is known, else theirs."""

from __future__ import annotations

import errno
import re
from tomllib import TOMLDecodeError
from typing import TYPE_CHECKING

from tagcast.features.core.messages import Message, msg, pmsg

if TYPE_CHECKING:
    from yaml import YAMLError

_TOML_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)$")


def raw_text(error: BaseException | str) -> Message:
    """Return what a library said, as it is; other languages mark it as such."""
    lines = str(error).strip().splitlines()
    return pmsg("raw message of a library", "{raw}", raw=lines[0] if lines else type(error).__name__)


def reason_of(error: BaseException) -> Message:
    """Return why the disk or DuckDB refused something."""
    import duckdb

    if isinstance(error, duckdb.OutOfMemoryException):
        return msg("memory_limit is too small for it")
    if isinstance(error, OSError):
        if error.errno == errno.ENOENT:
            return msg("it is not there")
        if error.errno in {errno.EACCES, errno.EPERM}:
            return msg("permission denied")
        if error.errno == errno.EROFS:
            return msg("the disk is read-only")
        if error.errno == errno.ENOTDIR:
            return msg("a file stands where a folder is expected")
        if error.errno == errno.EISDIR:
            return msg("it is a folder")
        if error.strerror:
            return raw_text(error.strerror)
    if isinstance(error, KeyError):
        return msg("it has no {name!r}", name=str(error.args[0]))
    return raw_text(error)


def toml_problem(error: TOMLDecodeError) -> Message:
    """Return where a text is no TOML, and why."""
    problem = _toml_cause(str(error))
    place = _TOML_PLACE.search(str(error))
    if place is None:
        return msg("cannot be read as TOML, at its end: {problem}", problem=problem)
    line, column = map(int, place.groups())
    return msg(
        "cannot be read as TOML, line {line}, column {column}: {problem}",
        line=line,
        column=column,
        problem=problem,
    )


def _toml_cause(raw: str) -> Message:
    # tomllib's errors carry no code: its texts are what tells them apart.
    if raw.startswith("Cannot overwrite"):
        return msg("a key is given twice")
    if raw.startswith("Cannot declare"):
        return msg("a table is given twice")
    if raw.startswith(("Unterminated", "Illegal character")):
        return msg("a text is not closed, or holds a control character")
    if raw.startswith("Expected '='"):
        return msg("a key is not followed by =")
    if raw.startswith("Expected newline"):
        return msg("something follows the value")
    return msg("no value or key of TOML")


def yaml_problem(error: YAMLError | RecursionError | UnicodeDecodeError) -> Message:
    """Return where a text is no YAML."""
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, UnicodeDecodeError):
        return msg("not UTF-8")
    if isinstance(error, RecursionError):
        return msg("not valid YAML: nested too deeply")
    if mark is None:
        return msg("not valid YAML: it holds a character that YAML does not allow")
    return msg("not valid YAML at line {line}, column {column}", line=mark.line + 1, column=mark.column + 1)
