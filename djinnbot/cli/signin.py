"""Signing in: with a password, step by step, or in a browser that may be elsewhere.

Either ends with the header of a session of its own, for a key of this machine or for what only a
session may do.
"""

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx2

from djinnbot.cli.client import Api, problem_of
from djinnbot.cli.errors import CliError, Exit, Unreachable

_FLOWS = "/v1/auth/app/v1"
KEY_DAYS = 90
_NOBODY = {"Authorization": ""}  # no credential at all: a made-up one would be refused


class SignIn:
    """One sign-in under way. `ask` is asked for a code when a second factor is set up, and
    `choose` for a new password when somebody else chose the present one."""

    def __init__(self, api: Api, ask: Callable[[str], str], choose: Callable[[], str]) -> None:
        self._api = api
        self._ask = ask
        self._choose = choose
        self._session = ""

    def bearer(self, login: str, password: str) -> dict[str, str]:
        """Sign in. Raises CliError."""
        names = {"email": login} if "@" in login else {"username": login}
        body = self._step("/auth/login", {**names, "password": password})
        while not body["meta"].get("is_authenticated"):
            body = self._next(body)
        bearer = {"Authorization": f"Bearer {body['meta']['access_token']}"}
        me = self._api.call("GET", "/v1/auth/me", headers=bearer)
        if not me["must_change_password"]:
            return bearer
        chosen = self._choose()
        change = {"current_password": password, "new_password": chosen}
        self._step("/account/password/change", change)  # which ends this sign-in
        self._session = ""
        return self.bearer(login, chosen)

    def _next(self, body: dict[str, Any]) -> dict[str, Any]:
        waiting = [flow["id"] for flow in body["data"]["flows"] if flow.get("is_pending")]
        if waiting == ["mfa_authenticate"]:
            code = self._ask("Code of your authenticator app, or a recovery code")
            return self._step("/auth/2fa/authenticate", {"code": code.strip()})
        if waiting == ["mfa_trust"]:
            return self._step("/auth/2fa/trust", {"trust": False})
        raise CliError(
            "This account signs in by a way that a terminal does not have: use "
            "`djinn login --oidc`, which lets you in from a browser.",
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


def bearer_from_browser(api: Api, show: Callable[[str, str], None]) -> dict[str, str]:
    """Wait until the person lets this program in, in a browser. `show` is given the address to open
    and the code that stands there. Raises CliError."""
    begun = api.call(
        "POST", "/v1/auth/device", body={"name": _this_program()[:64]}, headers=_NOBODY
    )
    show(str(begun["verification_uri_complete"]), str(begun["user_code"]))
    pause_s = float(begun["interval"])
    until = time.monotonic() + float(begun["expires_in"])
    while time.monotonic() < until:
        time.sleep(pause_s)
        with contextlib.suppress(Unreachable):  # the next question may get through
            answer = api.raw(
                "POST",
                "/v1/auth/device/token",
                body={"device_code": begun["device_code"]},
                headers=_NOBODY,
            )
            if answer.status_code == 200:
                return {"Authorization": f"Bearer {answer.json()['access_token']}"}
            pause_s += _waits_longer(answer)
    raise CliError("Nobody answered in time. Begin again.", Exit.TIMEOUT)


def _waits_longer(answer: httpx2.Response) -> float:
    """By how many seconds the pause grows. Raises CliError when there is nothing to wait for."""
    try:
        code = str(answer.json().get("code", ""))
    except (ValueError, AttributeError):
        code = ""
    if code == "slow_down" or answer.status_code == 429:
        return 5.0
    if code == "authorization_pending" or answer.status_code >= 500:
        return 0.0
    raise problem_of(answer)


def key_made(api: Api, bearer: dict[str, str]) -> dict[str, Any]:
    """A key for this machine, its secret in `key`, in place of the sign-in, which ends.

    Raises CliError.
    """
    me = api.call("GET", "/v1/auth/me", headers=bearer)
    if me["must_change_password"] or me["second_factor_needed"]:
        needed = "Choose a new password" if me["must_change_password"] else "Set up a second factor"
        raise CliError(f"{needed} in the dashboard first.", Exit.NOT_SIGNED_IN)
    wanted = {"name": _this_program()[:50], "scopes": me["scopes"], "expires_in_days": KEY_DAYS}
    made: dict[str, Any] = api.call("POST", "/v1/auth/api-keys", body=wanted, headers=bearer)
    api.call("POST", "/v1/auth/logout", body={}, headers=bearer)
    return made


def _this_program() -> str:
    return f"djinn on {socket.gethostname()}"


def _refusal(status: int, told: dict[str, Any]) -> CliError:
    if status == 429:
        return CliError("Too many tries. Wait a few minutes.", Exit.REFUSED)
    said = [str(error.get("message", "")) for error in told.get("errors", [])]
    return CliError(" ".join(said) or "The platform refused to sign in.", Exit.NOT_SIGNED_IN)
