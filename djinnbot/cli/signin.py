"""Signing in with a password: the platform's sign-in API for programs, step by step."""

import socket
from collections.abc import Callable
from typing import Any

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError, Exit

_FLOWS = "/v1/auth/app/v1"
KEY_DAYS = 90


class SignIn:
    """One sign-in under way. `ask` is asked for a code when a second factor is set up, and
    `choose` for a new password when somebody else chose the present one."""

    def __init__(self, api: Api, ask: Callable[[str], str], choose: Callable[[], str]) -> None:
        self._api = api
        self._ask = ask
        self._choose = choose
        self._session = ""

    def key(self, login: str, password: str) -> dict[str, Any]:
        """Sign in, make a key for this machine, and end the sign-in itself.

        Gives back the key's record with its secret in `key`. Raises CliError.
        """
        names = {"email": login} if "@" in login else {"username": login}
        body = self._step("/auth/login", {**names, "password": password})
        while not body["meta"].get("is_authenticated"):
            body = self._next(body)
        bearer = {"Authorization": f"Bearer {body['meta']['access_token']}"}
        me = self._api.call("GET", "/v1/auth/me", headers=bearer)
        if not me["must_change_password"]:
            return self._make_key(bearer, me)
        chosen = self._choose()
        change = {"current_password": password, "new_password": chosen}
        self._step("/account/password/change", change)  # which ends this sign-in
        self._session = ""
        return self.key(login, chosen)

    def _next(self, body: dict[str, Any]) -> dict[str, Any]:
        waiting = [flow["id"] for flow in body["data"]["flows"] if flow.get("is_pending")]
        if waiting == ["mfa_authenticate"]:
            code = self._ask("Code of your authenticator app, or a recovery code")
            return self._step("/auth/2fa/authenticate", {"code": code.strip()})
        if waiting == ["mfa_trust"]:
            return self._step("/auth/2fa/trust", {"trust": False})
        raise CliError(
            "This account signs in by a way that a terminal does not have. Make a key in the "
            "dashboard and use `djinn login --with-key`.",
            Exit.NOT_SIGNED_IN,
        )

    def _step(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"X-Session-Token": self._session} if self._session else {}
        answer = self._api.raw("POST", _FLOWS + path, body=body, headers=headers)
        try:
            told: dict[str, Any] = answer.json()
        except ValueError:
            raise CliError(f"{self._api.url} does not sign in: is it DjinnBot?") from None
        if answer.status_code not in {200, 401}:
            raise _refusal(answer.status_code, told)
        self._session = told.get("meta", {}).get("session_token") or self._session
        return told

    def _make_key(self, bearer: dict[str, str], me: dict[str, Any]) -> dict[str, Any]:
        if me["second_factor_needed"]:
            raise CliError("Set up a second factor in the dashboard first.", Exit.NOT_SIGNED_IN)
        wanted = {
            "name": f"djinn on {socket.gethostname()}"[:50],
            "scopes": me["scopes"],
            "expires_in_days": KEY_DAYS,
        }
        made: dict[str, Any] = self._api.call(
            "POST", "/v1/auth/api-keys", body=wanted, headers=bearer
        )
        self._api.call("POST", "/v1/auth/logout", body={}, headers=bearer)
        return made


def _refusal(status: int, told: dict[str, Any]) -> CliError:
    if status == 429:
        return CliError("Too many tries. Wait a few minutes.", Exit.REFUSED)
    said = [str(error.get("message", "")) for error in told.get("errors", [])]
    return CliError(" ".join(said) or "The platform refused to sign in.", Exit.NOT_SIGNED_IN)
