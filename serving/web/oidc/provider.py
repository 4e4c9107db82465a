"""The identity provider over HTTP: where its pages are, its keys, and the exchange of a code for who signed in.

Of what it sends nothing is kept but its configuration and its keys: no token outlives the request that it came in.
"""

from __future__ import annotations

import logging
from asyncio import Lock
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from tagcast.features.core.messages import Message, msg
from tagcast.serving.web.oidc.id_tokens import key_of, signing_keys, verified_claims
from tagcast.serving.web.oidc.refusals import SignInRefusedError

if TYPE_CHECKING:
    from joserfc.jwk import Key

    from tagcast.features.core.schema.identity_provider import Oidc

log = logging.getLogger("tagcast")

READ_AGAIN = timedelta(minutes=10)
"""A key that the provider has withdrawn is believed no longer than this."""
_KEYS_AGAIN = timedelta(seconds=30)
"""Where no key fits they are read anew, but no more often: anybody can make up names of keys."""
_LEFT_ALONE = timedelta(seconds=5)
"""After a failure: whoever waits for it meanwhile need not wait in vain."""
_TIMEOUT_SECONDS = 5.0
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class Provider:
    """An identity provider.

    Parameters
    ----------
    settings : Oidc
    secret : str or None
        Of this console at the provider; None where it is a public client.
    clock : callable
        Returns the current time.
    """

    def __init__(self, settings: Oidc, secret: str | None, clock: Callable[[], datetime]) -> None:
        self.settings, self._secret, self._clock = settings, secret, clock
        self._tls = httpx.create_ssl_context()
        self._lock = Lock()
        self._metadata: Mapping[str, Any] = {}
        self._keys: tuple[Key, ...] = ()
        self._read_at: datetime | None = None
        self._keys_at: datetime | None = None
        self._failed_at: datetime | None = None

    async def sign_in_url(self, back: str, *, state: str, nonce: str, verifier: str) -> str:
        """Return the page of the provider at which somebody signs in.

        Parameters
        ----------
        back : str
            The address that the provider sends them back to.
        state, nonce, verifier : str
            Secrets of this one sign-in: of the browser, of the token, and of the exchange (PKCE).

        Raises
        ------
        SignInRefusedError
            When the provider does not answer.
        """
        metadata = await self._configuration()
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        return _with_parameters(
            metadata["authorization_endpoint"],
            {
                "response_type": "code",
                "client_id": self.settings.client_id,
                "redirect_uri": back,
                "scope": " ".join(self.settings.scopes),
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            },
        )

    async def claims(self, code: str, back: str, *, nonce: str, verifier: str) -> dict[str, Any]:
        """Return what the provider says of who signed in, proven by its signature.

        Claims that the token lacks and the console needs are asked for at the provider's userinfo.

        Raises
        ------
        SignInRefusedError
            When the provider does not answer, refuses, or its token proves nothing.
        """
        metadata = await self._configuration()
        tokens = await self._exchange(metadata, code, back, verifier)
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise SignInRefusedError("malformed")
        try:
            claims = self._verified(token, nonce, metadata)
        except SignInRefusedError as error:
            if error.reason != "signature":
                raise
            await self._read_keys_again()  # the provider may sign with a new one
            claims = self._verified(token, nonce, metadata)
        wanted = {self.settings.name_claim, self.settings.groups_claim.partition(".")[0]}
        if wanted <= set(claims) or "userinfo_endpoint" not in metadata:
            return claims
        return {**await self._userinfo(metadata, tokens, claims["sub"]), **claims}

    async def sign_out_url(self, back: str) -> str | None:
        """Return the page of the provider that ends their session there; None where it has none, or does not answer."""
        try:
            metadata = await self._configuration()
        except SignInRefusedError:
            return None
        page = metadata.get("end_session_endpoint")
        if not page:
            return None
        return _with_parameters(
            page, {"client_id": self.settings.client_id, "post_logout_redirect_uri": back}
        )

    def _verified(self, token: str, nonce: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        key = key_of(token, self._keys)
        if key is None:
            raise SignInRefusedError("signature")
        return verified_claims(
            token,
            key,
            issuer=self.settings.issuer,
            client_id=self.settings.client_id,
            nonce=nonce,
            algorithms=metadata.get("id_token_signing_alg_values_supported") or ("RS256",),
            now=self._clock(),
        )

    async def _configuration(self) -> Mapping[str, Any]:
        async with self._lock:
            now = self._clock()
            if _within(READ_AGAIN, self._read_at, now):
                return self._metadata
            if _within(_LEFT_ALONE, self._failed_at, now):
                raise SignInRefusedError("unreachable")
            try:
                found = await self._get(
                    f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
                )
                self._check(found)
                self._keys = signing_keys(await self._get(found["jwks_uri"]))
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                self._failed_at = now
                log.warning(
                    msg(
                        "the identity provider {issuer} cannot be used: {problem}",
                        issuer=self.settings.issuer,
                        problem=error.message if isinstance(error, _MetadataError) else type(error).__name__,
                    )
                )
                raise SignInRefusedError("unreachable") from None
            self._metadata, self._read_at, self._keys_at = found, now, now
            return self._metadata

    def _check(self, found: Any) -> None:
        """Refuse a configuration that is another provider's, or that sends secrets in the clear."""
        issuer = self.settings.issuer
        if not isinstance(found, Mapping) or found.get("issuer") != issuer:
            raise _MetadataError(msg("it calls itself by another name than issuer"))
        named = {key: found.get(key) for key in _NEEDED} | {
            key: found[key] for key in ("userinfo_endpoint", "end_session_endpoint") if found.get(key)
        }
        allowed = {"https"} if issuer.startswith("https:") else {"https", "http"}
        for key, url in named.items():
            if not isinstance(url, str) or urlsplit(url).scheme not in allowed:
                raise _MetadataError(msg("its {key} is missing, or not https", key=key))

    async def _read_keys_again(self) -> None:
        async with self._lock:
            now = self._clock()
            if _within(_KEYS_AGAIN, self._keys_at, now):
                return
            self._keys_at = now
            try:
                self._keys = signing_keys(await self._get(self._metadata["jwks_uri"]))
            except (httpx.HTTPError, ValueError):
                raise SignInRefusedError("unreachable") from None

    async def _exchange(
        self, metadata: Mapping[str, Any], code: str, back: str, verifier: str
    ) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
        }
        identity, secret = self.settings.client_id, self._secret
        methods = metadata.get("token_endpoint_auth_methods_supported") or ("client_secret_basic",)
        login: httpx.Auth = httpx.Auth()  # none in the header
        if secret is not None and "client_secret_basic" in methods:
            # RFC 6749, 2.3.1: encoded as a form is, then joined.
            login = httpx.BasicAuth(quote(identity, safe=""), quote(secret, safe=""))
        else:
            form |= {"client_id": identity} | ({} if secret is None else {"client_secret": secret})
        try:
            async with self._client() as client:
                answer = await client.post(metadata["token_endpoint"], data=form, auth=login)
        except (httpx.HTTPError, httpx.InvalidURL):
            raise SignInRefusedError("unreachable") from None
        if answer.status_code >= 500:
            raise SignInRefusedError("unreachable")
        if answer.status_code != 200:
            raise SignInRefusedError("rejected")
        try:
            tokens = answer.json()
        except ValueError:
            tokens = None
        if not isinstance(tokens, Mapping):
            raise SignInRefusedError("malformed")
        return tokens

    async def _userinfo(
        self, metadata: Mapping[str, Any], tokens: Mapping[str, Any], subject: str
    ) -> Mapping[str, Any]:
        bearer = {"Authorization": f"Bearer {tokens.get('access_token', '')}"}
        try:
            found = await self._get(metadata["userinfo_endpoint"], headers=bearer)
        except (httpx.HTTPError, ValueError):
            raise SignInRefusedError("unreachable") from None
        # Another person's could be handed in otherwise.
        if not isinstance(found, Mapping) or found.get("sub") != subject:
            raise SignInRefusedError("malformed")
        return found

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        async with self._client() as client:
            answer = await client.get(url, headers=headers)
            answer.raise_for_status()
            return answer.json()

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._tls, timeout=_TIMEOUT_SECONDS, headers={"Accept": "application/json"}
        )


class _MetadataError(ValueError):
    """What the provider says of itself cannot be used."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message


def _within(span: timedelta, then: datetime | None, now: datetime) -> bool:
    return then is not None and abs(now - then) < span


def _with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters, quote_via=quote)}"
