"""Watching a run: over a line that is cut, in two browsers, by who may not do anything."""

from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import SLOW_MS, signed_in
from tests.support.cut_proxy import CutProxy
from tests.support.dashboard import shows_status, start_gated
from tests.support.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.chromium, pytest.mark.timeout(420)]

COUNTED = (
    "I count to forty: one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen twenty twenty-one twenty-two "
    "twenty-three twenty-four twenty-five twenty-six twenty-seven twenty-eight twenty-nine thirty "
    "thirty-one thirty-two thirty-three thirty-four thirty-five thirty-six thirty-seven "
    "thirty-eight thirty-nine forty."
)


def test_a_line_cut_again_and_again_loses_nothing_and_doubles_nothing(
    browser: Browser, platform: Stack, repository: Path
) -> None:
    proxy = CutProxy(None, platform.live.platform.port)
    away = f"http://127.0.0.1:{proxy.port}"
    with signed_in(browser, platform, base_url=away) as visited:
        page, visited.is_line_cut = visited.page, True
        line = page.get_by_test_id("connection")
        page.goto(f"/runs/{start_gated(platform, repository)}")
        for word in (" seven", " twelve", " eighteen"):
            expect(page.get_by_role("log")).to_contain_text(word, timeout=SLOW_MS)
            proxy.cut()
            expect(line).not_to_have_attribute("data-state-word", "live", timeout=SLOW_MS)
            expect(page.get_by_role("log")).to_contain_text(word)  # what was there stays
            proxy.mend()
            expect(line).to_have_attribute("data-state-word", "live", timeout=SLOW_MS)
        expect(page.get_by_role("region", name="Approval")).to_be_visible(timeout=SLOW_MS)
        expect(page.get_by_role("log").get_by_text(COUNTED, exact=True)).to_be_visible()
        through = page.get_by_role("log").inner_text()
        page.reload()
        expect(page.get_by_role("log").get_by_text(COUNTED, exact=True)).to_be_visible(
            timeout=SLOW_MS
        )
        assert page.get_by_role("log").inner_text() == through, "as a page that is opened now"
    proxy.close()


def test_two_browsers_see_the_same(browser: Browser, platform: Stack, repository: Path) -> None:
    run_id = start_gated(platform, repository)
    with signed_in(browser, platform) as first, signed_in(browser, platform) as second:
        for one in (first, second):
            one.page.goto(f"/runs/{run_id}")
            expect(one.page.get_by_role("region", name="Approval")).to_be_visible(timeout=SLOW_MS)
        first.page.get_by_role("region", name="Approval").get_by_role(
            "button", name="Approve"
        ).click()
        for one in (first, second):
            expect(one.page.get_by_role("region", name="Approval")).to_have_count(
                0, timeout=SLOW_MS
            )
            shows_status(one.page, "Completed")
            expect(one.page.get_by_role("log")).to_contain_text("Published.", timeout=SLOW_MS)
        assert (
            first.page.get_by_role("log").inner_text()
            == second.page.get_by_role("log").inner_text()
        )


def test_a_viewer_can_look_and_not_do(browser: Browser, platform: Stack, repository: Path) -> None:
    with signed_in(browser, platform, role="viewer") as visited:
        page = visited.page
        page.goto("/runs")
        expect(page.get_by_role("button", name="New run").first).to_have_attribute(
            "aria-disabled", "true", timeout=SLOW_MS
        )
        expect(page.get_by_role("link", name="Admin")).to_have_count(0)
        cookies = {c["name"]: c["value"] for c in page.context.cookies() if "name" in c}
        refused = httpx2.post(
            f"{platform.url}/v1/runs",
            json={"pipeline_id": "gated", "task": "Mine"},
            cookies=cookies,
            headers={"X-CSRFToken": cookies["csrftoken"], "Idempotency-Key": "v"},
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
        visited.allow("403 /v1/", "404 /v1/")
        page.goto("/admin/users")
        expect(page.get_by_role("heading", name="Not found", level=1)).to_be_attached()
    with signed_in(browser, platform, role="member") as visited:
        visited.page.goto("/runs")
        expect(visited.page.get_by_role("button", name="New run").first).not_to_have_attribute(
            "aria-disabled", "true", timeout=SLOW_MS
        )


def test_the_list_follows_runs_by_itself(page: Page, platform: Stack, repository: Path) -> None:
    page.goto("/runs")
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible(timeout=SLOW_MS)
    start_gated(platform, repository, "Seen without a reload: please fail")
    row = page.get_by_role("row").filter(has_text="Seen without a reload").first
    expect(row).to_contain_text("Failed", timeout=SLOW_MS)


def test_what_an_agent_writes_is_text(page: Page, platform: Stack, repository: Path) -> None:
    task = "please fail <img src=x onerror=alert(1)> <script>alert(2)</script>"
    page.on("dialog", lambda box: pytest.fail(f"a script ran: {box.message}"))
    page.goto(f"/runs/{start_gated(platform, repository, task)}")
    expect(page.get_by_role("heading", level=1)).to_have_text(task)
    shows_status(page, "Failed")
    assert page.locator("main img, main script").count() == 0
