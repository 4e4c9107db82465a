"""Files behind a web server: fetched when they change, whole or not at all, without a token in sight."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tagcast.features.core.errors import DataError
from tagcast.features.ingest.readers.remote import fetched
from tests.support.source_projects import build, lines, project, read, source

CSV = lines().to_csv(index=False).encode()


class Server(BaseHTTPRequestHandler):
    content: ClassVar[bytes] = CSV
    headers_given: ClassVar[dict[str, str]] = {}
    refused: ClassVar[dict[str, int]] = {}
    cut: ClassVar[list[int]] = []
    asked: ClassVar[list[str]] = []

    def _answer(self) -> bytes:
        type(self).asked.append(f"{self.command} {self.path} {self.headers.get('Authorization', '')}".strip())
        if self.command in self.refused:
            self.send_error(self.refused[self.command])
            return b""
        self.send_response(200)
        if self.headers_given.get("Content-Length") != "":
            self.send_header("Content-Length", str(len(self.content)))
        for name, value in self.headers_given.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        return self.content

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        body = self._answer()
        if self.cut:
            body = body[: self.cut.pop()]
            self.close_connection = True
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web(monkeypatch):
    monkeypatch.setattr(fetched, "_FIRST_WAIT_S", 0.001)
    for name, value in {
        "content": CSV,
        "headers_given": {"ETag": '"1"'},
        "refused": {},
        "cut": [],
        "asked": [],
    }.items():
        setattr(Server, name, value)
    made = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{made.server_address[1]}"
    made.shutdown()
    thread.join()
    made.server_close()


def config_of(folder: Path, path: str) -> Path:
    return project(folder, source(place=f'path = "{path}"'))


def gets() -> int:
    return sum(one.startswith("GET") for one in Server.asked)


def test_is_fetched_when_it_changes(tmp_path, web) -> None:
    config = config_of(tmp_path, f"{web}/a.csv")
    assert build(config).rows == 4
    assert build(config).rows == 4
    assert gets() == 1
    Server.content, Server.headers_given = CSV.replace(b"10.0", b"12.0"), {"ETag": '"2"'}
    assert 12 in set(read(build(config))["amount"])
    assert gets() == 2


def test_a_server_that_tells_nothing_of_its_content(tmp_path, web) -> None:
    Server.headers_given = {}
    config = config_of(tmp_path, f"{web}/a.csv")
    assert build(config).rows == 4
    Server.content = CSV.replace(b"10.0", b"12.0")
    assert 12 in set(read(build(config))["amount"])


@pytest.mark.parametrize("code", [405, 403, 501])
def test_a_server_that_answers_no_head(tmp_path, web, code) -> None:
    Server.refused = {"HEAD": code}
    assert build(config_of(tmp_path, f"{web}/a.csv")).rows == 4


def test_a_connection_that_breaks_loses_and_doubles_nothing(tmp_path, web) -> None:
    Server.cut = [30, 70]
    assert build(config_of(tmp_path, f"{web}/a.csv")).rows == 4


def test_a_server_that_always_breaks_off(tmp_path, web) -> None:
    Server.cut = [30] * 9
    with pytest.raises(DataError, match=r"a\.csv cannot be fetched"):
        build(config_of(tmp_path, f"{web}/a.csv"))


def test_a_file_that_changes_while_it_is_read(tmp_path, web, monkeypatch) -> None:
    plain = fetched._copy

    def changes(*given):
        size = plain(*given)
        Server.headers_given = {"ETag": '"2"'}
        return size

    monkeypatch.setattr(fetched, "_copy", changes)
    with pytest.raises(DataError, match=r"a\.csv was changed while it was read") as caught:
        build(config_of(tmp_path, f"{web}/a.csv"))
    assert "run again" in str(caught.value.hint)


def test_tokens_come_from_the_environment_and_are_nowhere_to_be_seen(tmp_path, web, monkeypatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    config = config_of(tmp_path, f"{web.replace('://', '://me:${TOKEN}@')}/dt=1/a.csv?sig=${{TOKEN}}")
    assert build(config).rows == 4
    assert Server.asked[0] == "HEAD /dt=1/a.csv?sig=hunter2 Basic bWU6aHVudGVyMg=="
    everything = [f.read_bytes() + str(f).encode() for f in (tmp_path / ".tagcast").rglob("*") if f.is_file()]
    assert not any(b"hunter2" in one for one in everything)
    Server.refused = {"HEAD": 403, "GET": 403}
    with pytest.raises(DataError, match=r"/dt=1/a\.csv cannot be read: the server answers 403") as caught:
        build(config)
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"
    assert "${TOKEN}" in str(caught.value.hint)


@pytest.mark.parametrize("path", ["*.csv", "folder/", "o[12].csv"])
def test_a_web_server_lists_nothing(tmp_path, web, path) -> None:
    with pytest.raises(DataError, match="a web server does not list its files") as caught:
        build(config_of(tmp_path, f"{web}/{path}"))
    assert "one file" in str(caught.value.hint)


def test_not_found_and_nobody_there(tmp_path, web) -> None:
    Server.refused = {"HEAD": 404}
    with pytest.raises(DataError, match="the server answers 404"):
        build(config_of(tmp_path, f"{web}/a.csv"))
    with pytest.raises(DataError, match="cannot be read"):
        build(config_of(tmp_path, "http://127.0.0.1:1/a.csv"))


def test_a_file_by_its_address(tmp_path) -> None:
    (tmp_path / "a b.csv").write_bytes(CSV)
    assert build(config_of(tmp_path, f"file://{tmp_path}/a%20b.csv")).rows == 4
