"""TLS in the process: what is refused before anything starts, which connections are taken, and certificates that are renewed."""

from __future__ import annotations

import socket
import ssl
import threading
import warnings
from datetime import UTC, datetime
from threading import Thread

import httpx
import pytest
import trustme
import uvicorn
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tagcast.features.core.errors import ConfigError
from tagcast.pipelines.cli.main import cli
from tagcast.pipelines.server import prepare, run
from tagcast.pipelines.tls import TlsFiles, server_tls
from tagcast.registry.access.accounts import add_user
from tests.support.web import Clock, make_desk

PASSWORD = "a long password"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def files(tmp_path, authority):
    return written(authority, tmp_path)


def written(authority, folder):
    folder.mkdir(exist_ok=True)
    issued = authority.issue_cert("localhost")
    files = TlsFiles(folder / "cert.pem", folder / "key.pem")
    files.certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    files.key.write_bytes(issued.private_key_pem.bytes())
    files.key.chmod(0o600)
    return files


def shaken(context, authority, **limits):
    """Return the serial number of the certificate that a server with ``context`` shows, by a real handshake."""
    client = ssl.create_default_context()
    authority.configure_trust(client)
    for name, value in limits.items():
        setattr(client, name, value)
    here, there = socket.socketpair()

    def serve():
        try:
            context.wrap_socket(there, server_side=True).close()
        except (ssl.SSLError, OSError):
            there.close()

    thread = Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(here, server_hostname="localhost") as connection:
            return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True)).serial_number
    finally:
        here.close()
        thread.join()


def test_a_renewed_certificate_is_shown_to_the_next_who_connects_and_half_a_renewal_to_nobody(
    files, authority, tmp_path
):
    context = server_tls(files)
    first = shaken(context, authority)
    assert shaken(context, authority) == first
    renewed = written(authority, tmp_path / "renewed")
    renewed.certificate.replace(files.certificate)
    assert shaken(context, authority) == first
    renewed.key.replace(files.key)
    second = shaken(context, authority)
    assert second != first
    files.certificate.unlink()
    assert shaken(context, authority) == second


def test_versions_of_long_ago_are_not_spoken(files, authority):
    context = server_tls(files)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert shaken(context, authority, maximum_version=ssl.TLSVersion.TLSv1_2)
    with pytest.raises((ssl.SSLError, OSError)), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is as old as that
        shaken(
            context, authority, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1
        )


def encrypted(files):
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    coding = serialization.BestAvailableEncryption(b"a password")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, coding)
    files.key.write_bytes(pem)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: f.certificate.unlink(), "--tls-cert: .*cannot be read"),
        (lambda f: f.key.unlink(), "--tls-key: .*cannot be read"),
        (lambda f: f.key.chmod(0o604), r"every account of this machine has access to .*\(mode 604\)"),
        (
            lambda f: f.key.write_bytes(trustme.CA().issue_cert("x").private_key_pem.bytes()),
            "is not the key of",
        ),
        (encrypted, "encrypted with a password"),
        (lambda f: f.certificate.write_text("nothing"), "holds no certificate"),
        (lambda f: f.key.write_text("nothing"), "cannot be read as a certificate and its key"),
    ],
)
def test_what_is_no_pair_is_refused(files, spoil, words):
    spoil(files)
    with pytest.raises(ConfigError, match=words):
        server_tls(files)


def test_one_without_the_other_is_refused():
    answer = CliRunner().invoke(cli, ["serve", "--tls-cert", "x.pem"])
    assert answer.exit_code == 2
    assert "go together" in answer.output


def test_over_tls_cookies_are_secure_and_browsers_are_kept_to_it(tmp_path, files, authority, monkeypatch):
    context = make_desk(tmp_path / "project", Clock())
    add_user(context.state, "ann", "admin", PASSWORD, by="test", now=context.now)
    service = prepare(context.settings, "localhost", 0, lambda: datetime.now(UTC), files)
    assert service.url.startswith("https://localhost:")
    started, servers = threading.Event(), []

    class Server(uvicorn.Server):
        def __init__(self, config):
            super().__init__(config)
            servers.append(self)

        async def startup(self, sockets=None):
            await super().startup(sockets)
            started.set()

    monkeypatch.setattr(uvicorn, "Server", Server)
    thread = Thread(target=run, args=(service,))
    thread.start()
    try:
        assert started.wait(60)
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        with httpx.Client(verify=trust, base_url=service.url) as client:
            page = client.get("/login")
            assert page.headers["strict-transport-security"] == "max-age=31536000"
            answer = client.post(
                "/login", data={"name": "ann", "password": PASSWORD}, headers={"Origin": service.url}
            )
            assert answer.status_code == 303
            assert "; Secure" in answer.headers["set-cookie"]
            assert client.get("/api/v1/me").json()["name"] == "ann"
        with pytest.raises(httpx.HTTPError):
            httpx.get(service.url.replace("https", "http"))
    finally:
        servers[0].should_exit = True
        thread.join()
