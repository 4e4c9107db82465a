"""Single files behind HTTPS: asked for their size and mark, read as a stream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.ingest.readers.arrow.lake_errors import without_secrets
from tagcast.features.ingest.readers.remote.stores import RemoteFile

WEB = ("https", "http")
_SECONDS = 60
_PIECE = 1 << 20


class WebFile:
    """One file by its address.

    Parameters
    ----------
    address : str
        Its query may hold a token: nothing but its folder and name is shown.
    where : str
        Names the place in errors.
    """

    def __init__(self, address: str, where: str) -> None:
        self.address, self._where = without_secrets(address), where
        self._real = address
        if re.search(r"[*\[]", urlsplit(address).path) or urlsplit(address).path.endswith("/"):
            raise DataError(
                msg("{where}: {path}: a web server does not list its files", where=where, path=self.address),
                hint=msg("name one file; make a source of each, or use an object store"),
            )

    @property
    def plain_steps(self) -> int:
        """How many steps of the address are written out: all."""
        return len(self.address.split("/"))

    def listed(self) -> list[RemoteFile]:
        """Return the file; DataError when the server does not give it."""
        try:
            mark, size = self._asked()
        except (OSError, ValueError) as error:
            raise self._error(error) from error
        return [RemoteFile(self.address, self._real, mark, size)]

    def open(self, file: RemoteFile) -> IO[bytes]:
        """Return the file's content as a stream."""
        stream: IO[bytes] = _answer(file.place)
        return stream

    def mark_now(self, file: RemoteFile) -> str | None:
        """Return what :attr:`RemoteFile.mark` would be now."""
        return self._asked()[0]

    def _asked(self) -> tuple[str, int | None]:
        try:
            with _answer(self._real, "HEAD") as answer:
                headers = answer.headers
        except HTTPError as error:
            if error.code not in {400, 403, 405, 501}:
                raise
            # Signed addresses are good for GET alone, and some servers know nothing else.
            with _answer(self._real) as answer:
                headers = answer.headers
        length = headers.get("Content-Length")
        size = int(length) if length is not None and not headers.get("Content-Encoding") else None
        return self._mark(headers, size), size

    def _mark(self, headers: Mapping[str, str], size: int | None) -> str:
        etag, when = headers.get("ETag"), headers.get("Last-Modified")
        if etag or when:
            return f"{size}|{etag or when}"
        # Nothing tells one content from another but the content.
        digest = sha256()
        with _answer(self._real) as answer:
            while piece := answer.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()

    def _error(self, error: Exception) -> DataError:
        reason = raw_text(str(error.reason) if isinstance(error, URLError) else without_secrets(str(error)))
        hint = msg("check the address and the network")
        if isinstance(error, HTTPError):
            reason = msg("the server answers {code}", code=error.code)
            if error.code in {401, 403}:
                hint = msg("check the token in the address, which the environment gives: {example}",
                           example='path = "https://…?sig=${TOKEN}"')  # fmt: skip
        return DataError(
            msg("{where}: {path} cannot be read: {reason}", where=self._where, path=self.address, reason=reason), hint=hint
        )  # fmt: skip


def _answer(address: str, method: str = "GET") -> Any:
    """Return what a server answers; an answer that refuses is raised, and closed."""
    try:
        return urlopen(_request(address, method), timeout=_SECONDS)  # noqa: S310 - WEB are the only schemes
    except HTTPError as error:
        error.close()
        raise


def _request(address: str, method: str = "GET") -> Request:
    parts = urlsplit(address)
    if parts.username is None:
        return Request(address, method=method)  # noqa: S310 - as above
    from base64 import b64encode

    person = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return Request(  # noqa: S310 - as above
        plain, method=method, headers={"Authorization": f"Basic {b64encode(person).decode()}"}
    )
