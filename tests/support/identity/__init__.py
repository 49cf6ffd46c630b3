"""A real identity provider for tests: npm's oidc-provider, installed once into the cache."""

import fcntl
import hashlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from djinnbot.embedded.process import stop_with_parent
from tests.support.live import eventually, free_port

CLIENT_ID = "djinnbot"
CLIENT_SECRET = "a-secret-for-tests-only"  # noqa: S105  of no account
_HERE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json", "server.mjs")
_INSTALL = ("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
_CACHE = _HERE.parents[2] / ".cache" / "identity"


@dataclass(frozen=True, slots=True)
class Identity:
    """The provider, and a browser that is signed in nowhere yet for each sign-in."""

    issuer: str

    def knows(self, account: str | None, *, tamper: bool = False, **claims: Any) -> None:
        """Who signs in next. None: somebody who does not agree."""
        body = {"account": account, "claims": claims, "tamper": tamper}
        httpx2.post(f"{self.issuer}/control", json=body).raise_for_status()

    def visit(self, url: str) -> str:
        """Follow the provider's own pages; the address on our side that it sends to."""
        with httpx2.Client() as browser:
            while url.startswith(self.issuer):
                answer = browser.get(url)
                assert answer.is_redirect, answer.text
                url = str(httpx2.URL(url).join(answer.headers["location"]))
        return url


def installed() -> Path:
    """Where the program lies with its packages. A moment when it is there."""
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update((_HERE / name).read_bytes())
    place = _CACHE / digest.hexdigest()[:16]
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:  # of test processes, one installs
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "ready").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            for name in _FILES:
                shutil.copy(_HERE / name, place)
            subprocess.run(_INSTALL, cwd=place, check=True, capture_output=True, timeout=240)
            (place / "ready").touch()
    return place


@contextmanager
def identity_provider(redirect_uri: str) -> Iterator[Identity]:
    port = free_port()
    command = ["node", "server.mjs", str(port), redirect_uri]
    with subprocess.Popen(
        command,
        cwd=installed(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=partial(stop_with_parent, signal.SIGKILL),  # noqa: PLW1509  one system call
    ) as process:
        identity = Identity(f"http://127.0.0.1:{port}")
        try:
            eventually(lambda: _answers(identity), timeout_s=60)
            yield identity
        finally:
            process.terminate()


def _answers(identity: Identity) -> bool:
    try:
        return httpx2.get(f"{identity.issuer}/.well-known/openid-configuration").is_success
    except httpx2.HTTPError:
        return False
