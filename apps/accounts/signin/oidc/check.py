"""Whether an identity provider could sign somebody in, step by step, without signing in."""

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from apps.accounts.models import OidcProvider
from apps.accounts.signin.oidc.refusals import OidcRefused
from apps.accounts.signin.oidc.tokens import CLOCK_SKEW_S, WELL_KNOWN, Place
from apps.core.errors import DjinnError
from apps.core.outbound import call_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    name: str
    ok: bool
    detail: str


def provider_check(row: OidcProvider) -> list[Finding]:
    """Discovery, keys, PKCE and clock. What follows from a failed step is left out."""
    place = Place(issuer=row.issuer, allow_private=row.allow_private)
    try:
        configuration = place.configuration()
    except OidcRefused as exc:
        return [Finding(name="discovery", ok=False, detail=exc.detail)]
    found = [Finding(name="discovery", ok=True, detail=configuration["authorization_endpoint"])]
    try:
        keys = place.keys(configuration)
        told = f"{len(keys)} keys"
        found.append(Finding(name="keys", ok=bool(keys), detail=told))
    except OidcRefused as exc:
        found.append(Finding(name="keys", ok=False, detail=exc.detail))
    return [*found, _pkce(configuration), _clock(row)]


def _pkce(configuration: dict[str, object]) -> Finding:
    methods = configuration.get("code_challenge_methods_supported")
    if not isinstance(methods, list):
        return Finding(name="pkce", ok=True, detail="It does not say; S256 is sent.")
    return Finding(name="pkce", ok="S256" in methods, detail=", ".join(map(str, methods)))


def _clock(row: OidcProvider) -> Finding:
    try:
        url = row.issuer.rstrip("/") + WELL_KNOWN
        answer = call_out("GET", url, allow_private=row.allow_private)
        apart = abs(parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time())
    except (DjinnError, KeyError, ValueError):
        return Finding(name="clock", ok=True, detail="It tells no time.")
    return Finding(name="clock", ok=apart < CLOCK_SKEW_S, detail=f"{apart:.0f} s apart")
