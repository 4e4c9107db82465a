"""What an ID token proves: signed by the provider, made for this console and this sign-in, and now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import ClaimError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key, import_key
from joserfc.jws import JWSRegistry, extract_compact

from tagcast.serving.web.oidc.refusals import Reason, SignInRefusedError

ASYMMETRIC = frozenset({
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
})  # fmt: skip
"""Algorithms whose keys the provider alone has: with HS256 its public key would be a secret that everybody knows."""
_LEEWAY_SECONDS = 60
_WRONG: dict[str, Reason] = {
    "exp": "expired",
    "iss": "issuer",
    "aud": "audience",
    "azp": "audience",
    "nonce": "nonce",
    "iat": "expired",
    "nbf": "expired",
}


def signing_keys(found: Any) -> tuple[Key, ...]:
    """Return the keys of a JWKS document that may have signed a token; of kinds that are not known, none.

    Raises
    ------
    ValueError
        When it is no such document.
    """
    if not isinstance(found, Mapping) or not isinstance(found.get("keys"), list):
        raise ValueError("no list of keys")
    return tuple(_imported(found["keys"]))


def _imported(found: Iterable[Any]) -> Iterable[Key]:
    for one in found:
        if not isinstance(one, Mapping) or one.get("kty") == "oct" or one.get("use", "sig") != "sig":
            continue
        try:
            yield import_key(dict(one))
        except (JoseError, ValueError, TypeError, KeyError):
            continue


def key_of(token: str, keys: Iterable[Key]) -> Key | None:
    """Return the key that a token names; of a token that names none, the only one there is.

    Raises
    ------
    SignInRefusedError
        For what is no signed token, or is signed as none may be.
    """
    try:
        header = extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError):
        raise SignInRefusedError("malformed") from None
    if header.get("alg") not in ASYMMETRIC:
        raise SignInRefusedError("algorithm")
    known = list(keys)
    if "kid" not in header:
        return known[0] if len(known) == 1 else None
    return next((key for key in known if key.kid == header["kid"]), None)


def verified_claims(
    token: str, key: Key, *, issuer: str, client_id: str, nonce: str, algorithms: Iterable[str], now: datetime
) -> dict[str, Any]:
    """Return the claims of an ID token.

    Parameters
    ----------
    token : str
    key : joserfc.jwk.Key
        That it is to be signed with.
    issuer, client_id, nonce : str
        Who made it, for whom, and for which sign-in.
    algorithms : iterable of str
        That the provider signs with; those that are not :data:`ASYMMETRIC` do not count.
    now : datetime

    Raises
    ------
    SignInRefusedError
        With what is wrong.
    """
    registry = JWSRegistry(algorithms=sorted(ASYMMETRIC & set(algorithms)), strict_check_header=False)
    rules = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=_LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
        azp={"value": client_id},
    )
    try:
        claims = jwt.decode(token, key, registry=registry).claims
    except UnsupportedAlgorithmError:
        raise SignInRefusedError("algorithm") from None
    except (JoseError, ValueError, TypeError):
        raise SignInRefusedError("signature") from None
    try:
        rules.validate(claims)
    except ClaimError as error:
        raise SignInRefusedError(_WRONG.get(error.claim, "malformed")) from None
    # Of a token for several it has to say who asked for it.
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims:
        raise SignInRefusedError("audience")
    return claims
