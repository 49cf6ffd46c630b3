"""The run page in Chromium: how soon a long run can be read, and how soon an event is on the glass.

The page must be built (`make setup-dev`). An event's way is measured from before it is appended
(PostgreSQL commit included) to the picture after its text is in the page, on one machine's clock.

Usage: python -m tests.benchmarks dashboard
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
from playwright.sync_api import Browser, Page, sync_playwright

from tests.benchmarks.harness import Samples, in_ms, report
from tests.benchmarks.place import platform
from tests.chaos.world import World
from tests.support.browser import FLAGS
from tests.support.capabilities import chromium_program

EVENTS = 5_000
OPENED = 5
LIVE_EVENTS = 500
RATE = 50  # a second
# Hears what is painted: a mark in the transcript, then the picture after next.
LISTENER = """() => {
  window.painted = {};
  const place = document.querySelector('[role=log]');
  const look = () => {
    for (const [, mark] of place.textContent.matchAll(/\\(T(\\d+)T\\)/g)) {
      if (!(mark in window.painted)) {
        window.painted[mark] = 0;
        requestAnimationFrame(() => requestAnimationFrame(() => {
          window.painted[mark] = Date.now() / 1000;
        }));
      }
    }
  };
  const all = { childList: true, subtree: true, characterData: true };
  new MutationObserver(look).observe(place, all);
}"""


def main() -> None:
    with platform() as world:
        key = _key()
        run_id = world.start_run(world.add_pipeline("bench", 1))
        _append(run_id, [f"line {number}\n\n" for number in range(EVENTS)])
        with sync_playwright() as playwright, ThreadPoolExecutor(1) as beside:
            browser = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
            page = _signed_in(browser, world, key)
            report("dashboard", f"open a run of {EVENTS} events", **in_ms(_opened(page, run_id)))
            painted = _painted(page, lambda chunks: beside.submit(_append, run_id, chunks).result())
            report("dashboard", f"event to paint, {RATE}/s", **in_ms(painted))
            browser.close()
            beside.submit(_disconnect).result()


def _key() -> str:
    from apps.accounts.models import User
    from apps.accounts.services import api_key_create

    user = User.objects.create_superuser("bench", password=None)
    return api_key_create(user=user, name="bench", scopes=sorted(user.scope_ceiling))


def _signed_in(browser: Browser, world: World, key: str) -> Page:
    page = browser.new_context(base_url=world.live.url).new_page()
    headers = {"Authorization": f"Bearer {key}"}
    link = httpx2.post(f"{world.live.url}/v1/auth/login-link", json={}, headers=headers).json()
    page.goto(link["url"])
    page.get_by_role("main").wait_for()
    return page


def _opened(page: Page, run_id: str) -> Samples:
    """From the address to the last line in view and a page that answers."""
    samples: Samples = []
    for _ in range(OPENED):
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(f"/runs/{run_id}", wait_until="commit")
        page.get_by_text(f"line {EVENTS - 1}", exact=True).wait_for()
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => done()))")
        samples.append(time.perf_counter() - began)
    return samples


def _painted(page: Page, append: Callable[[list[str]], None]) -> Samples:
    """`append` works in a thread of its own: Playwright's own runs an event loop, where Django's
    queries are refused."""
    page.evaluate(LISTENER)
    sent: dict[str, float] = {}
    for number in range(LIVE_EVENTS):
        began = time.time()
        sent[str(number)] = began
        append([f"(T{number}T) a few words\n\n"])
        page.wait_for_timeout(max(1, (1 / RATE - (time.time() - began)) * 1000))
    page.wait_for_timeout(2000)
    painted: dict[str, float] = page.evaluate("window.painted")
    lost = [number for number in sent if not painted.get(number)]
    report("dashboard", "events never painted", lost=len(lost), of=LIVE_EVENTS)
    return [painted[number] - at for number, at in sent.items() if painted.get(number)]


def _append(run_id: str, chunks: list[str]) -> None:
    from django.db import transaction

    from apps.core.events import NewEvent, events_append

    where = {"runId": run_id, "stepId": "S1", "visit": 1, "attempt": 1}
    for at in range(0, len(chunks), 500):
        events = [
            NewEvent(type="STEP_OUTPUT", payload={**where, "chunk": chunk}, lifecycle=False)
            for chunk in chunks[at : at + 500]
        ]
        with transaction.atomic():
            events_append(f"run:{run_id}", events)


def _disconnect() -> None:
    from django.db import connections

    connections.close_all()


if __name__ == "__main__":
    main()
