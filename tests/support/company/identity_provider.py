"""A provider of OpenID Connect on this machine, which holds to PKCE, and whose keys and tokens a test replaces."""

from __future__ import annotations

import base64
import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import httpx
import jwt
import werkzeug.serving
from cryptography.hazmat.primitives.asymmetric import rsa

SECRET = "the console's own & secret"
Forge = Callable[[dict[str, Any]], str]


class IdentityProvider:
    """The provider, as a test reaches into it.

    Parameters
    ----------
    url : str
        The issuer.
    """

    def __init__(self) -> None:
        self.url = ""
        self.forge: Forge | None = None
        self.asked: list[str] = []
        self.logins: list[str] = []
        self.metadata: dict[str, Any] = {}
        self.storage: Any = None
        self._challenges: dict[str, str] = {}

    def app(self) -> flask.Flask:
        with warnings.catch_warnings():
            import authlib.deprecate  # which lets its own warnings through, whatever filters say

            warnings.simplefilter("ignore", authlib.deprecate.AuthlibDeprecationWarning)
            import oidc_provider_mock

        app = oidc_provider_mock.app()

        @app.before_request
        def before():
            self.storage = flask.g.oidc_provider_mock_storage
            self.asked.append(flask.request.path)
            if flask.request.path == "/oauth2/token":
                self.logins.append(flask.request.headers.get("Authorization", ""))
                digest = hashlib.sha256(flask.request.form["code_verifier"].encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
                if self._challenges.pop(flask.request.form["code"], None) != challenge:
                    return {"error": "invalid_grant"}, 400
            return None

        @app.after_request
        def after(answer):
            if flask.request.path == "/oauth2/authorize" and answer.status_code == 302:
                code = parse_qs(urlsplit(answer.headers["Location"]).query).get("code", [""])[0]
                assert flask.request.args["code_challenge_method"] == "S256"
                self._challenges[code] = flask.request.args["code_challenge"]
            if flask.request.path == "/oauth2/token" and self.forge is not None and answer.status_code == 200:
                tokens = json.loads(answer.get_data())
                payload = tokens["id_token"].split(".")[1]
                claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
                answer.set_data(json.dumps({**tokens, "id_token": self.forge(claims)}))
            if flask.request.path == "/.well-known/openid-configuration":
                answer.set_data(json.dumps({**json.loads(answer.get_data()), **self.metadata}))
            return answer

        return app

    def add(self, who: str, **claims: Any) -> None:
        """Add somebody, with a verified email."""
        own = {"email": f"{who}@example.org", "email_verified": True, **claims}
        httpx.put(f"{self.url}/users/{who}", json=own).raise_for_status()

    def signed(self, claims: dict[str, Any], **headers: Any) -> str:
        """Return a token with the provider's own key."""
        return jwt.encode(claims, self.pem, "RS256", {"kid": self.kid, **headers})

    @property
    def kid(self) -> str:
        return self.storage.jwk.as_dict()["kid"]

    @property
    def pem(self) -> bytes:
        return self.storage.jwk.as_pem(is_private=True)

    @property
    def public_pem(self) -> bytes:
        return self.storage.jwk.as_pem(is_private=False)

    def replace_key(self) -> None:
        from authlib.jose import RSAKey

        self.storage.jwk = RSAKey.generate_key(2048, is_private=True)


def foreign_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    provider = IdentityProvider()
    server = werkzeug.serving.make_server("localhost", 0, provider.app(), threaded=True)
    provider.url = f"http://localhost:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        httpx.get(provider.url)
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
