"""Lists in JSON, unnested: a line for each element, of files and of texts in columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import listed, msg
from tagcast.features.ingest.readers.nested.json_values import BLANKS_OF_JSON, as_words, decoded, getter
from tagcast.features.ingest.readers.nested.value_paths import path_in

_MOST_NAMED = 12
LINE = "\0line"
"""Under this name an unnested line keeps what tells it from equal ones of other lines."""


def elements_of(text: str | None, keys: Sequence[str]) -> list[Any] | None:
    """Return the list along ``keys`` in a text of JSON, None where there is none.

    Raises
    ------
    ValueError
        When the text is no JSON, or what stands there is no list.
    """
    if text is None or not text.strip(BLANKS_OF_JSON):
        return None
    return _as_list(getter(("value", *keys))({"value": decoded(text)}))


def elements_in_json(texts: Any, paths: Any) -> Any:
    """Return the elements of the lists in some texts, all three as Arrow; objects stay JSON, ``paths`` is one path."""
    import pyarrow as pa

    kind = pa.list_(pa.string())
    if not len(texts):
        return pa.array([], kind)
    keys = json.loads(paths[0].as_py())
    lists = [elements_of(text, keys) for text in texts.to_pylist()]
    return pa.array([None if one is None else [_as_text(e) for e in one] for one in lists], kind)


def _as_text(element: Any) -> str | None:
    try:
        return as_words(element)
    except TypeError:
        return json.dumps(element, ensure_ascii=False)


def _as_list(value: Any) -> list[Any] | None:
    if isinstance(value, str) and value.lstrip(BLANKS_OF_JSON)[:1] == "[":
        value = decoded(value)
    if value is None or isinstance(value, list):
        return value
    raise ValueError("no list")


class Unnesting:
    """Makes a line of each element of the lists in documents.

    Parameters
    ----------
    path : str
        Of the list.
    where : str
        Names the place in errors.
    """

    def __init__(self, path: str, where: str) -> None:
        self._path, self._where = path, where
        self._keys = path_in(path) or (path,)
        self.lists = 0
        self._names: set[str] = set()

    def lines(
        self, documents: Iterator[tuple[int, dict[str, Any]]], file: Path, *, whole: bool
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Return the lines of some documents, each with the number of its document's.

        Raises
        ------
        DataError
            With file and line, where something else stands than a list.
        """
        for number, document in documents:
            keys = (self._path,) if self._path in document else self._keys
            try:
                elements = _as_list(getter(keys)(document))
            except ValueError:
                raise DataError(
                    msg("{where}: {file}, line {line}: {path} is no list", where=self._where, file=file.name,
                        line=number, path=self._path),
                    hint=msg("correct these lines, or name another column in unnest"),
                ) from None  # fmt: skip
            if elements is None:
                self._names.update(document)
                continue
            self.lists += 1
            digest = _digest(document) if whole else ""
            for n, element in enumerate(elements):
                line = _with(document, keys, element)
                if whole:
                    line[LINE] = f"{digest}:{n}"
                yield number, line

    def absent(self) -> DataError:
        """Return the error that no document has a list there."""
        names = listed(sorted(self._names)[:_MOST_NAMED])
        return DataError(
            msg("{where}: there is no list {path!r}", where=self._where, path=self._path),
            hint=msg("name the path of a list in unnest; there are: {names}", names=names),
        )


def _with(document: Any, keys: Sequence[str], element: Any) -> dict[str, Any]:
    """Return a document with ``element`` in the place of a list; the document stays as it is."""
    head, *inner = keys
    if isinstance(document, str):
        document = decoded(document)
    return {**document, head: _with(document[head], inner, element) if inner else element}


def line_digest(document: dict[str, Any]) -> str:
    """Return what equal lines share, in whatever order their names stand."""
    return document.get(LINE) or _digest(document)


def _digest(document: dict[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
