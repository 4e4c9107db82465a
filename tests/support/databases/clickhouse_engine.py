"""ClickHouse's own engine behind HTTP, as its server answers: run by the Python of an environment that holds chdb.

``python clickhouse_engine.py FOLDER`` keeps tables in FOLDER, prints the port of the loopback address it listens on, and serves
until its standard input ends.
"""

from __future__ import annotations

import base64
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session

USERS = {"reader": "p@ss/word", "guest": "p@ss/word"}
BOUND = {"guest"}
"""Whose profile says `readonly = 1`: no setting can be changed."""
NO_SETTINGS = {
    "query", "database", "default_format", "query_id", "session_id", "session_timeout", "wait_end_of_query",
    "client_protocol_version", "enable_http_compression", "compress", "decompress", "buffer_size", "role",
}  # fmt: skip
_ENGINE = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """One query for each request; parameters that are not about HTTP are settings of a session of its own."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, b"Ok.\n")

    def do_POST(self) -> None:
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        user = self._user()
        if user is None:
            self._refuse(
                516,
                "Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)",
            )
            return
        query = given.get("query", "") + body
        output = given.get("default_format", "TabSeparated")
        named = re.search(r"\sFORMAT\s+(\w+)\s*$", query)
        if named:
            query, output = query[: named.start()], named.group(1)
        settings = {name: value for name, value in given.items() if name not in NO_SETTINGS}
        try:
            with _ENGINE:
                answer = run(query, output, given.get("database"), settings, bound=user in BOUND)
        except Exception as error:  # noqa: BLE001 - whatever the engine says is for the client
            text = str(error)
            code = re.search(r"Code: (\d+)", text)
            self._refuse(
                int(code.group(1)) if code else 1002,
                re.sub(r"^.*?DB::Exception: ", "", text, flags=re.DOTALL),
            )
            return
        self._answer(200, answer, **{"X-ClickHouse-Format": output})

    def _user(self) -> str | None:
        scheme, _, held = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return None
        user, _, password = base64.b64decode(held).decode().partition(":")
        return user if USERS.get(user) == password else None

    def _refuse(self, code: int, text: str) -> None:
        status = {516: 403, 60: 404, 81: 404}.get(code, 500)
        said = f"Code: {code}. DB::Exception: {text}\n".encode()
        self._answer(status, said, **{"X-ClickHouse-Exception-Code": str(code)})

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def run(query: str, output: str, database: str | None, settings: dict[str, str], *, bound: bool) -> bytes:
    """Return what the engine answers in a session of its own."""
    with Session(sys.argv[1]) as session:
        if database:
            session.query(f"USE `{database}`")
        if bound:
            session.query("SET readonly = 1")
        readonly = settings.pop("readonly", None)
        for name, value in settings.items():
            quoted = value.replace("\\", "\\\\").replace("'", "\\'")
            session.query(f"SET {name} = '{quoted}'")
        if readonly:
            session.query(f"SET readonly = {int(readonly)}")
        return bytes(session.query(query, output).bytes())


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # The engine is one of this process, and stays while one of its sessions is open.
    held = Session(sys.argv[1])
    held.query("CREATE DATABASE IF NOT EXISTS zoo")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
