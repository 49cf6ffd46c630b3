"""Every address of the dashboard, as the route tree has it: a new page is walked to, or fails."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, expect

from tests.support.browser import SLOW_MS
from tests.support.dashboard import routes

# Pages in the middle of coming in: they send on whoever is elsewhere.
MIDWAY = {"/login/verify", "/login/trust", "/login/waitlist"}
ENTRY = ("/login", "/setup", "/invite")
# Beside the routes: other states of their pages.
MORE = (
    "/runs/$failedRunId",
    "/runs/$waitingRunId",
    "/runs/$runningRunId",
    "/runs?new=true",
    "/runs/compare?a=$runId&b=$otherRunId",
    "/no/such/page",
)
# There is no authenticator app yet, says the server.
SAID = ("404 /v1/auth/browser/v1/account/authenticators/",)


def inside(names: dict[str, str]) -> list[str]:
    """Addresses for who is signed in, with their `$names` filled in."""
    found = []
    for route in (*routes(), *MORE):
        if not route.startswith(ENTRY) and not route.endswith(("/$section", "/$")):
            found.append(_filled(route, names))
    return found


def outside(names: dict[str, str]) -> list[str]:
    """Addresses for who is not."""
    return [_filled(r, names) for r in routes() if r.startswith(ENTRY) and r not in MIDWAY]


def _filled(route: str, names: dict[str, str]) -> str:
    address = re.sub(r"\$\w+", lambda match: names.get(match[0], match[0]), route)
    assert "$" not in address, f"{route}: name what stands for it in tests/dashboard/seed.py"
    return address


def opened(page: Page, address: str) -> None:
    """Open it, and wait until it stands still."""
    page.goto(address)
    content = page.get_by_role("main").or_(page.get_by_role("dialog"))  # a dialog hides the page
    expect(content.first).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=SLOW_MS)
    page.wait_for_load_state("networkidle")


def walked(
    page: Page, names: dict[str, str], is_wanted: Callable[[str], bool] = lambda address: True
) -> Iterator[str]:
    """Each address for who is signed in, opened, and the sections and tabs found on the way."""
    todo = [address for address in inside(names) if is_wanted(address)]
    seen = set(todo)
    while todo:
        address = todo.pop(0)
        opened(page, address)
        more = [part for part in parts(page) if part not in seen and is_wanted(part)]
        seen.update(more)
        todo += more
        yield address


def fail_api(page: Page) -> None:
    """All but who is there answers 500 from here on."""

    def answer(route: Route) -> None:
        if "/auth/" in route.request.url:
            route.continue_()
        else:
            problem = {"title": "Internal error", "status": 500, "request_id": "req-1"}
            route.fulfill(status=500, content_type="application/problem+json", json=problem)

    page.route("**/v1/**", answer)


def parts(page: Page) -> list[str]:
    """Addresses of sections and tabs that this page leads to, itself not among them."""
    here = urlsplit(page.url)
    area = here.path.rsplit("/", 1)[0]
    links = (
        page.get_by_role("main")
        .locator("a[href]")
        .evaluate_all("all => all.map((link) => link.getAttribute('href'))")
    )
    has_sections = f"{area}/$section" in routes()
    same_area = [link for link in links if has_sections and link.startswith(f"{area}/")]
    tabs = [link for link in links if link.startswith(f"{here.path}?tab=")]
    return sorted({*same_area, *tabs} - {page.url.removeprefix(f"{here.scheme}://{here.netloc}")})


def screen_name(address: str, names: dict[str, str]) -> str:
    """A file's name for it, with what ids stand for: `runs-failedrunid`."""
    for name, value in names.items():
        address = address.replace(value, name)
    return re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-") or "home"
