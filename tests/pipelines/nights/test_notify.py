"""Who is to hear of a night hears of it, once: by a webhook and by mail, from real servers on loopback."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.settings import load_settings
from tagcast.pipelines.nights.notify import News, NotSentError, send
from tests.support.shop import CONFIG

BARE = CONFIG.split("[profiles]")[0]
NEWS = (
    News("refused", "profile", "", "the run was refused", "refused:profile:1"),
    News("stale", "profile", "churn", "churn: expired", "stale:profile:churn:1"),
)


@contextmanager
def webhook(status: int = 200) -> Iterator[tuple[str, list[dict]]]:
    """Yield the address of a server that keeps what is posted to it."""
    posted: list[dict] = []

    class Keeps(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Keeps) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook/a-secret-path", posted
        server.shutdown()


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """Yield the port of an SMTP server without TLS that keeps its mails."""
    mails: list[str] = []

    class Speaks(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            for line in iter(self.rfile.readline, b""):
                word = line[:4].upper().decode()
                if word == "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    body = []
                    while (part := self.rfile.readline()) != b".\r\n":
                        body.append(part.decode())
                    mails.append("".join(body))
                self.wfile.write(b"221 bye\r\n" if word == "QUIT" else b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Speaks) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], mails
        server.shutdown()


def settings_of(folder, notify: str):
    (folder / "tagcast.toml").write_text(f"{BARE}\n[notify]\n{notify}", encoding="utf-8")
    return load_settings(folder / "tagcast.toml", folder / "home", folder)


def test_a_webhook_gets_what_is_asked_for_and_no_more(tmp_path, monkeypatch) -> None:
    with webhook() as (address, posted):
        monkeypatch.setenv("HOOK", address)
        assert send(settings_of(tmp_path, 'webhook = "${HOOK}"'), NEWS) == [*NEWS]
        assert send(settings_of(tmp_path, 'webhook = "${HOOK}"\non = ["stale"]'), NEWS) == [NEWS[1]]
        assert send(settings_of(tmp_path, 'webhook = "${HOOK}"\non = ["failed"]'), NEWS) == []
    assert [one["occasion"] for body in posted for one in body["news"]] == ["refused", "stale", "stale"]
    assert posted[0]["project"] == "small shop"
    assert posted[0]["text"] == "the run was refused\nchurn: expired"


def test_a_mail_says_it_in_words(tmp_path) -> None:
    with mail_server() as (port, mails):
        asked = f'mail = ["a@shop.test", "b@shop.test"]\nsmtp = "smtp://127.0.0.1:{port}"\nsender = "tagcast@shop.test"'
        assert send(settings_of(tmp_path, asked), NEWS) == [*NEWS]
    (mail,) = map(message_from_string, mails)
    assert (mail["To"], mail["From"]) == ("a@shop.test, b@shop.test", "tagcast@shop.test")
    assert mail["Subject"] == "tagcast, small shop: the run was refused"
    assert "churn: expired" in mail.get_payload()


def test_what_one_server_does_not_take_the_other_gets_and_no_secret_is_shown(tmp_path, monkeypatch) -> None:
    with webhook(status=500) as (address, _), mail_server() as (port, mails):
        monkeypatch.setenv("HOOK", address)
        asked = f'webhook = "${{HOOK}}"\nmail = ["a@shop.test"]\nsmtp = "smtp://127.0.0.1:{port}"\nsender = "t@shop.test"'
        with pytest.raises(NotSentError, match="notify.webhook: nothing could be sent: .*500") as raised:
            send(settings_of(tmp_path, asked), NEWS)
        assert "a-secret-path" not in str(raised.value)
        assert len(mails) == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ('mail = ["a@shop.test"]', "mail needs smtp, the server, and sender"),
        ('webhook = "https://user:word@host/x"', "a password is written in url"),
        ('webhook = "https://host/x"\non = ["broken"]', "promise_broken"),
    ],
)
def test_wrong_tables_are_errors_before_anything_runs(tmp_path, asked, said) -> None:
    with pytest.raises(ConfigError, match=said):
        settings_of(tmp_path, asked)


def test_an_address_that_is_none_names_the_key(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOOK", "ftp://somewhere")
    with pytest.raises(ConfigError, match="notify.webhook: expected https"):
        send(settings_of(tmp_path, 'webhook = "${HOOK}"'), NEWS)
