"""A platform for the dashboard's journeys, and what they need again and again.

A journey is a test below `tests/dashboard/` that does in Chromium what a person does, on the whole
platform: PostgreSQL, Valkey, web, workers, a scripted model. Its fixtures are in
`tests/dashboard/conftest.py`:

- `platform`: the `Stack` of this file of tests. `platform.api` is a client with the owner's key,
  `start_gated(platform, repository)` starts a run that waits for an approval in the middle.
- `browser`: Chromium. `page`: a page of the owner, signed in.
- `repository`: a git repository that runs may work on.

    def test_a_run_is_stopped(page: Page, platform: Stack, repository: Path) -> None:
        page.goto(f"/runs/{start_gated(platform, repository)}")      # addresses begin with "/"
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("alertdialog").get_by_role("button", name="Stop run").click()
        shows_status(page, "Cancelled")

More than one person, or one who is not the owner:

    with signed_in(browser, platform, role="viewer") as visited:     # tests/support/browser.py
        visited.page.goto("/runs")

Whatever the browser complains about fails the test when the page is closed: errors in the console,
exceptions, reports of the content security policy, requests that failed, answers from 400 up. An
answer that belongs to the test is named before: `visited.allow("404 /v1/runs/run_none")`.

Find things by role and name, as a reader does; by `data-testid` only what has neither. Wait with
`expect(…, timeout=SLOW_MS)` for what the platform does; never sleep. The dashboard is built anew
when its sources have changed, and each platform serves a copy: a build beside it harms no journey.
"""

import contextlib
import fcntl
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.conftest import database_url
from tests.support.browser import SLOW_MS
from tests.support.live import live_at, live_environment, own_database, own_home, own_redis
from tests.support.servers import REPOSITORY
from tests.support.stack import Stack, running_stack

FIXTURES = REPOSITORY / "tests" / "dashboard" / "fixtures"
MODEL = "scripted/gated"  # plays fixtures/gated-script.yml
DIST = REPOSITORY / "frontend" / "dist"
ROUTE_TREE = REPOSITORY / "frontend" / "src" / "routeTree.gen.ts"
AGE_SIGN_INS = """
from importlib import import_module
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY as RECORDS
from allauth.usersessions.models import UserSession
from django.conf import settings
for row in UserSession.objects.all():
    session = import_module(settings.SESSION_ENGINE).SessionStore(row.session_key)
    session[RECORDS] = [{**record, "at": 0} for record in session.get(RECORDS, [])]
    session.save()
"""


@contextlib.contextmanager
def dashboard_platform(log_dir: Path, extra: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """The whole platform with two pipelines: `gated` (work that takes a while, a gate, a way to
    fail) and `looped` (items, reviews, back edges). `extra`: more of its environment."""
    with (
        own_home() as home,
        own_database(database_url("postgres")) as database,
        own_redis(home) as redis_url,
    ):
        for folder, ending in (("pipelines", ""), ("scripts", "-script")):
            (home / folder).mkdir()
            for name in ("gated", "looped"):
                shutil.copyfile(FIXTURES / f"{name}{ending}.yml", home / folder / f"{name}.yml")
        environment = live_environment(
            home=home,
            database_url=database_url(database),
            redis_url=redis_url,
            extra={"DJINNBOT_DASHBOARD": str(_built(home / "dashboard")), **(extra or {})},
        )
        with running_stack(live_at(environment, log_dir)) as started:
            yield started


def _built(copy: Path) -> Path:
    place = REPOSITORY / ".cache"
    place.mkdir(exist_ok=True)
    with (place / "dashboard.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([REPOSITORY / "scripts" / "dashboard.sh", "dev"], check=True)
        shutil.copytree(DIST, copy)
    return copy


def start_gated(
    platform: Stack, repository: Path | None, task: str = "Write the note.", **more: Any
) -> str:
    """Start a run of `gated`; "please fail" in the task makes it fail, "take your time" last."""
    place = {"repository": str(repository)} if repository else {}
    return platform.start_run("gated", task, model_override=MODEL, **place, **more)


def shows_status(page: Page, word: str) -> None:
    """The page of a run says so in its header."""
    header = page.get_by_role("main").locator("header").first
    expect(header.get_by_text(word, exact=True)).to_be_visible(timeout=SLOW_MS)


def age_sign_ins(platform: Stack) -> None:
    """Everybody has shown who they are long ago, and is asked again before what hurts."""
    platform.live.manage("shell", "-c", AGE_SIGN_INS)


def routes() -> list[str]:
    """Every address of the dashboard, as the route tree has it: `/runs/$runId`."""
    tree = ROUTE_TREE.read_text()
    types = tree.partition("export interface FileRoutesByTo {")[2].partition("}")[0]
    return sorted(re.findall(r"^\s*'?\"?(/[^'\":]*)'?\"?:", types, re.MULTILINE))
