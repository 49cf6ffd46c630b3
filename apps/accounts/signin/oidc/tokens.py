"""What an identity provider says of itself and of a person, fetched and verified."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
import orjson

from apps.accounts.signin.oidc import refusals
from apps.accounts.signin.oidc.refusals import OidcRefused
from apps.core.errors import DjinnError
from apps.core.outbound import call_out

WELL_KNOWN = "/.well-known/openid-configuration"
CLOCK_SKEW_S = 60
# No secret of ours signs, and "none" signs nothing.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an identity provider is, and whether that may be in a private network."""

    issuer: str
    allow_private: bool

    def fetch(self, url: str, **call: Any) -> dict[str, Any]:
        """A JSON object. Raises OidcRefused."""
        try:
            answer = call_out(
                call.pop("method", "GET"), url, allow_private=self.allow_private, **call
            )
        except DjinnError as exc:
            raise OidcRefused(refusals.UNREACHABLE, exc.message) from exc
        told = _object(answer.body)
        if answer.status >= 400 or told is None:
            said = str((told or {}).get("error", ""))[:100]
            raise OidcRefused(refusals.UNREACHABLE, f"{answer.status} {said}".strip())
        return told

    def configuration(self) -> dict[str, Any]:
        """The discovery document. Raises OidcRefused, also when it is another issuer's."""
        told = self.fetch(self.issuer.rstrip("/") + WELL_KNOWN)
        if str(told.get("issuer", "")) != self.issuer:
            raise OidcRefused(refusals.UNREACHABLE, "the discovery document names another issuer")
        lacking = [name for name in _ENDPOINTS if not isinstance(told.get(name), str)]
        if lacking:
            raise OidcRefused(refusals.UNREACHABLE, f"no {', '.join(lacking)} in its document")
        return told

    def keys(self, configuration: Mapping[str, Any]) -> list[jwt.PyJWK]:
        """The keys that sign. Raises OidcRefused."""
        told = self.fetch(configuration["jwks_uri"])
        try:
            found: list[jwt.PyJWK] = jwt.PyJWKSet.from_dict(told).keys
        except jwt.PyJWTError as exc:
            raise OidcRefused(refusals.UNREACHABLE, "its keys cannot be read") from exc
        return [key for key in found if key.public_key_use != "enc"]


def id_token_verified(
    token: str, *, keys: Sequence[jwt.PyJWK], issuer: str, client_id: str, nonce: str
) -> dict[str, Any]:
    """The claims of an `id_token`: signed by the provider, for us, for this very sign-in, and not
    too old. Raises OidcRefused."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key=_key_of(token, keys),
            algorithms=list(ALGORITHMS),
            audience=client_id,
            issuer=issuer,
            leeway=CLOCK_SKEW_S,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.PyJWTError as exc:
        raise OidcRefused(refusals.TOKEN_INVALID, type(exc).__name__) from exc
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise OidcRefused(refusals.TOKEN_INVALID, "the nonce is of another sign-in")
    meant_for = claims.get("azp", client_id)
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if meant_for != client_id or (several and "azp" not in claims):
        raise OidcRefused(refusals.TOKEN_INVALID, "it was issued to another client")
    return claims


def _key_of(token: str, keys: Sequence[jwt.PyJWK]) -> jwt.PyJWK:
    """The key that the token names; the only one, if it names none."""
    name = jwt.get_unverified_header(token).get("kid")
    fitting = [key for key in keys if name is None or key.key_id == name]
    if len(fitting) != 1:
        raise jwt.InvalidKeyError("no such key")
    return fitting[0]


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return told if isinstance(told, dict) else None
