"""The objects of a JSON file, one after the other: one a line, or all of them in one array."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.ingest.readers.csv_dialect import encoding_of, not_encoded, text_head
from tagcast.features.ingest.readers.files import compression
from tagcast.features.ingest.readers.nested.json_values import BLANKS_OF_JSON, scan_json

PIECE_BYTES = 1 << 20
MOST_SIGNS = 1 << 26
"""Of one object; what goes on for longer is no line, and would not fit into memory."""
_NEAR_THE_END = 16
"""Signs within which a word or an escape that is cut off may begin."""


def documents(file: Path, where: str, encoding: str | None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Return the objects of ``file``, each with the line that it begins in; numbers are their text.

    Parameters
    ----------
    file : Path
        May be packed with gzip or zstd.
    where : str
        Names the place in errors.
    encoding : str or None
        From the configuration; None is UTF-8, or UTF-16 where its mark or its zeros show it.

    Raises
    ------
    DataError
        With file and line: where a line is no JSON or no object, or not in the encoding; when the file is damaged.
    """
    pieces = _pieces(file, where, encoding)
    first, before = "", 0
    for first in pieces:
        if first.strip(BLANKS_OF_JSON):
            break
        before += first.count("\n")
    if first.lstrip(BLANKS_OF_JSON).startswith("["):
        return _Array(file, where, pieces, before).documents(first)
    return _lines(file, where, first, pieces, before)


def not_json(file: Path, line: int, where: str, problem: Message) -> DataError:
    """Return the error that a line of a file is no JSON object."""
    return DataError(
        msg("{where}: {file}, line {line}: no JSON object: {problem}", where=where, file=file.name, line=line, problem=problem),
        hint=msg("correct the line: one object a line, or one array of objects"),
    )  # fmt: skip


def _pieces(file: Path, where: str, encoding: str | None) -> Iterator[str]:
    import codecs

    import pyarrow as pa

    packed = compression(file)
    named = encoding or encoding_of(text_head(file, packed, where, "JSON"))
    decoder = codecs.getincrementaldecoder(named)()
    line, begun = 1, False
    with pa.input_stream(str(file), compression=packed) as stream:
        while True:
            try:
                piece = stream.read(PIECE_BYTES)
                text = decoder.decode(piece, final=not piece)
            except UnicodeError as error:
                found = getattr(error, "object", b"")[: getattr(error, "start", 0)]
                raise not_encoded(file.name, line + found.count(b"\n"), where, named) from error
            except (OSError, pa.ArrowException) as error:
                raise DataError(
                    msg("{where}: {path} cannot be read as {format}", where=where, path=file, format=packed or "JSON"),
                    hint=msg("check that the file is whole and of this format"),
                ) from error  # fmt: skip
            line += text.count("\n")
            yield text if begun else text.removeprefix("\ufeff")
            begun = begun or bool(text)
            if not piece:
                return


def _lines(
    file: Path, where: str, first: str, pieces: Iterator[str], number: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    rest, text = "", first
    while True:
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            number += 1
            stripped = line.strip(BLANKS_OF_JSON)
            if stripped:
                # Millions of lines come this way: what is right calls nothing else.
                try:
                    value, end = scan_json(stripped, 0)
                except (ValueError, RecursionError) as error:
                    raise not_json(file, number, where, _problem(error)) from error
                if end != len(stripped) or value.__class__ is not dict:
                    raise not_json(file, number, where, _wrong_value(value, end, stripped))
                yield number, value
        if len(rest) > MOST_SIGNS:
            raise not_json(
                file, number + 1, where, msg("it is longer than {most:,} characters", most=MOST_SIGNS)
            )
        following = next(pieces, None)
        if following is None:
            break
        text = following
    if rest.strip(BLANKS_OF_JSON):
        yield from _lines(file, where, rest + "\n", iter(()), number)


def _wrong_value(value: Any, end: int, text: str) -> Message:
    if end != len(text):
        return msg("something follows it, from character {position} on", position=end + 1)
    return msg("it is a list") if isinstance(value, list) else msg("it is a single value")


def _problem(error: BaseException) -> Message:
    if isinstance(error, RecursionError):
        return msg("it is nested too deeply")
    if hasattr(error, "pos"):
        return msg("it cannot be read from character {position} on", position=error.pos + 1)
    return raw_text(error)


class _Array:
    """One array of objects, read a piece at a time."""

    def __init__(self, file: Path, where: str, pieces: Iterator[str], before: int) -> None:
        self._file, self._where, self._pieces = file, where, pieces
        self._text, self._at, self._line = "", 0, before + 1

    def documents(self, first: str) -> Iterator[tuple[int, dict[str, Any]]]:
        self._text = first
        self._skip_blanks()
        self._at += 1
        if self._next_sign() == "]":
            self._end()
            return
        while True:
            self._skip_blanks()
            line = self._line
            value = self._value()
            if not isinstance(value, dict):
                raise not_json(self._file, line, self._where, _wrong_value(value, 0, ""))
            yield line, value
            sign = self._next_sign()
            if sign == "]":
                self._end()
                return
            if sign != ",":
                raise self._wrong(msg("after an object a comma or the end of the array is expected"))
            self._at += 1

    def _end(self) -> None:
        self._at += 1
        if self._next_sign():
            raise self._wrong(msg("something follows the array"))

    def _next_sign(self) -> str:
        self._skip_blanks()
        return self._text[self._at : self._at + 1]

    def _skip_blanks(self) -> None:
        while True:
            rest = len(self._text)
            while self._at < rest and (sign := self._text[self._at]) in BLANKS_OF_JSON:
                self._line += sign == "\n"
                self._at += 1
            if self._at < rest or not self._more():
                return

    def _more(self) -> bool:
        """Read on, the more the longer one object is, so that it is not looked at again and again."""
        self._text, self._at = self._text[self._at :], 0
        gathered, wanted = [self._text], max(len(self._text), 1)
        for piece in self._pieces:
            gathered.append(piece)
            wanted -= len(piece)
            if wanted <= 0:
                break
        before = len(self._text)
        self._text = "".join(gathered)
        return len(self._text) > before

    def _value(self) -> Any:
        while True:
            try:
                value, end = scan_json(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if len(self._text) - self._at > MOST_SIGNS:
                    raise self._wrong(
                        msg("it is longer than {most:,} characters", most=MOST_SIGNS)
                    ) from error
                if self._may_be_cut(error) and self._more():
                    continue
                nested = isinstance(error, RecursionError)
                raise self._wrong(_problem(error) if nested else msg("it cannot be read"), error) from error
            self._line += self._text.count("\n", self._at, end)
            self._at = end
            return value

    def _may_be_cut(self, error: BaseException) -> bool:
        if isinstance(error, RecursionError):
            return False
        position = getattr(error, "pos", 0)
        unclosed = getattr(error, "msg", "").startswith("Unterminated string")
        return unclosed or position >= len(self._text) - _NEAR_THE_END

    def _wrong(self, problem: Message, error: BaseException | None = None) -> DataError:
        position = getattr(error, "pos", self._at)
        line = self._line + self._text.count("\n", self._at, position)
        return not_json(self._file, line, self._where, problem)
