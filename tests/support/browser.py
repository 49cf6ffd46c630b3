"""Pages in Chromium, and what goes wrong in them."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from tests.support.capabilities import chromium_program
from tests.support.stack import Stack

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
SLOW_MS = 60_000  # for what the platform does
PASSWORD = "a long word of mine"  # noqa: S105  of a test's people


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=SLOW_MS)  # the machine may be busy with other tests
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
        yield started
        started.close()


def give_authenticator(page: Page) -> None:
    """One that holds passkeys and says yes at once, as the developer tools make it."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


@dataclass
class Visit:
    """A page, and all that a person would find in its console."""

    page: Page
    problems: list[str] = field(default_factory=list)
    # What belongs to the test: `allow("404 /v1/runs/run_none")`.
    allowed: list[str] = field(default_factory=list)
    is_line_cut: bool = False

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("console", self._hear)
        self.page.on("response", self._look)
        self.page.on("requestfailed", self._miss)

    def allow(self, *answers: str) -> None:
        self.allowed.extend(answers)

    def check(self) -> None:
        assert not self.problems, self.problems

    def _hear(self, message: ConsoleMessage) -> None:
        # What the browser itself writes about an answer is heard as that answer.
        if message.type == "error" and "Failed to load resource" not in message.text:
            if self.is_line_cut and "WebSocket" in message.text:
                return
            self._report(f"console: {message.text}")

    def _look(self, response: Response) -> None:
        if response.status < 400:
            return
        path = response.url.partition("://")[2].partition("/")[2]
        self._report(f"{response.status} /{path}")

    def _report(self, told: str) -> None:
        if not any(told.startswith(one) for one in self.allowed):
            self.problems.append(told)

    def _miss(self, request: Request) -> None:
        reason = request.failure or ""
        if "ERR_ABORTED" in reason or self.is_line_cut:  # the page went on to another one
            return
        self.problems.append(f"{request.method} {request.url}: {reason}")


@contextlib.contextmanager
def visit(browser: Browser, platform: Stack, **options: Any) -> Iterator[Visit]:
    """A browser of its own that nobody has signed in with. What went wrong in it fails the test."""
    context = browser.new_context(**{"base_url": platform.url, **options})
    visited = Visit(context.new_page())
    yield visited
    context.close()
    visited.check()


@contextlib.contextmanager
def signed_in(
    browser: Browser, platform: Stack, *, role: str = "owner", **options: Any
) -> Iterator[Visit]:
    """The same, of the owner, or of a new person with that role. `options` are the context's."""
    with visit(browser, platform, **options) as visited:
        if role == "owner":
            link = platform.api.post("/v1/auth/login-link", json={}).json()["url"]
            visited.page.goto(link)
        else:
            _join(visited.page, platform, role)
            visited.page.goto("/")
        expect(visited.page.get_by_role("main")).to_be_visible(timeout=SLOW_MS)
        yield visited


def _join(page: Page, platform: Stack, role: str) -> None:
    """Accept an invite: the answer's cookies are those of the page."""
    email = f"{role}-{secrets.token_hex(4)}@example.org"
    made = platform.api.post("/v1/auth/invites", json={"email": email, "role": role})
    assert made.status_code == 201, made.text
    token = parse_qs(urlsplit(made.json()["url"]).query)["token"][0]
    body = {"token": token, "display_name": role.capitalize(), "password": PASSWORD}
    answer = page.request.post("/v1/auth/invites/accept", data=body)
    assert answer.status == 201, answer.text()


def barriers(page: Page, *rules: str) -> list[tuple[str, list[str]]]:
    """What axe finds serious or critical, with the elements; by these rules, or by all."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    axe = Axe("0") if page.evaluate("'axe' in window") else Axe()  # its script is long: once a page
    return [
        (entry["id"], [node["html"][:200] for node in entry["nodes"]])
        for entry in axe.run(page, options=options).response["violations"]
        if entry["impact"] in ("serious", "critical")
    ]


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))
