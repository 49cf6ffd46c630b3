"""The pages in a real browser, on the whole platform with the scripted model."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from tests.conftest import database_url
from tests.support.capabilities import chromium_program
from tests.support.live import live_at, live_environment, own_database, own_home, own_redis
from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.system, pytest.mark.chromium, pytest.mark.timeout(420)]

FIXTURES = Path(__file__).parent / "pages_fixtures"
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
MODEL = "scripted/gated"
COUNTED = (
    "I count to forty: one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen twenty twenty-one twenty-two "
    "twenty-three twenty-four twenty-five twenty-six twenty-seven twenty-eight twenty-nine thirty "
    "thirty-one thirty-two thirty-three thirty-four thirty-five thirty-six thirty-seven "
    "thirty-eight thirty-nine forty."
)
SLOW = 60_000  # for what the platform does, in ms


@pytest.fixture(scope="module")
def platform(_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One platform for all tests here; each starts runs of its own."""
    with (
        own_home() as home,
        own_database(database_url("postgres")) as database,
        own_redis(home) as redis_url,
    ):
        for folder, source, name in (
            ("pipelines", "gated.yml", "gated.yml"),
            ("scripts", "gated-script.yml", "gated.yml"),
        ):
            (home / folder).mkdir()
            shutil.copyfile(FIXTURES / source, home / folder / name)
        environment = live_environment(
            home=home, database_url=database_url(database), redis_url=redis_url
        )
        with running_stack(live_at(environment, tmp_path_factory.mktemp("logs"))) as started:
            yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.mkdir()
    (path / "README.md").write_text("# Notes\n")
    for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Start."]):
        subprocess.run(
            ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *args],
            cwd=path, check=True,
        )  # fmt: skip
    return path


def signed_in(browser: Browser, platform: Stack, **options: Any) -> tuple[Page, list[str]]:
    """A page of the owner, and what went wrong in it: script errors and policy violations."""
    page = browser.new_context(base_url=platform.url, **options).new_page()
    problems: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            problems.append(message.text)

    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", hear)
    page.goto(platform.api.post("/v1/auth/login-link", json={}).json()["url"])
    return page, problems


@pytest.fixture
def page(browser: Browser, platform: Stack) -> Iterator[Page]:
    page, problems = signed_in(browser, platform)
    yield page
    page.context.close()
    assert not problems


def start(platform: Stack, repository: Path, task: str = "Write the note.") -> str:
    return platform.start_run("gated", task, repository=str(repository), model_override=MODEL)


def status(page: Page, word: str, timeout: float = SLOW) -> None:
    expect(page.locator(".run-head .pill")).to_have_text(word, timeout=timeout)


def said(page: Page) -> Locator:
    """The first text of an agent that is no thinking."""
    return page.locator(".prose:not(.quiet)").first


def in_dialog(page: Page, button: str, **fields: str) -> None:
    dialog = page.get_by_role("dialog")
    for label, value in fields.items():
        dialog.get_by_label(label).fill(value)
    dialog.get_by_role("button", name=button, exact=True).click()
    expect(dialog).to_have_count(0, timeout=SLOW)


def test_a_run_started_in_the_dialog_goes_past_the_gate_to_its_end(
    page: Page, repository: Path
) -> None:
    page.goto("/")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="New run")
    dialog.get_by_role("button", name="Start run").click()
    expect(dialog.get_by_text("This is needed.")).to_be_visible()
    expect(dialog.get_by_label("Task")).to_be_focused()

    dialog.get_by_label("Pipeline").select_option("gated")
    dialog.get_by_label("Task").fill("Write the note for 2.4")
    dialog.get_by_label("Repository").fill("/no/such/place")
    dialog.get_by_text("More settings").click()
    dialog.get_by_label("Model").fill(MODEL)
    dialog.get_by_label("Repository").fill(str(repository))
    dialog.get_by_role("button", name="Start run").click()

    page.wait_for_url(re.compile(r"/runs/run_\w+/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Write the note for 2.4")
    expect(said(page)).to_contain_text("one two three", timeout=SLOW)
    status(page, "Needs you")

    banner = page.get_by_role("region", name="PUBLISH waits for your approval")
    banner.get_by_role("button", name="Approve").click()
    in_dialog(page, "Approve", **{"Comment (optional)": "Looks right."})
    status(page, "Completed")

    page.get_by_role("button", name="A note. WRITE").click()
    expect(page.locator(".diff .added .text")).to_have_text(["A note."])
    page.get_by_role("tab", name="Results").click()
    expect(page.locator("#panel")).to_contain_text("It is out.")
    branch = f"run/{page.url.rstrip('/').rsplit('/', 1)[1]}"
    shown = subprocess.run(
        ["git", "show", f"{branch}:NOTE.md"], cwd=repository, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert shown.stdout == "A note.\n"


def test_a_refused_start_says_why_and_keeps_what_was_typed(page: Page) -> None:
    page.goto("/?new")
    dialog = page.get_by_role("dialog", name="New run")
    dialog.get_by_label("Pipeline").select_option("gated")
    dialog.get_by_label("Task").fill("x" * 200_001)
    dialog.get_by_role("button", name="Start run").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    expect(dialog.get_by_label("Task")).to_have_attribute("aria-invalid", "true")
    assert len(dialog.get_by_label("Task").input_value()) == 200_001


def test_a_line_cut_again_and_again_loses_nothing_and_doubles_nothing(
    page: Page, platform: Stack, repository: Path
) -> None:
    run_id = start(platform, repository)
    page.goto(f"/runs/{run_id}/")
    expect(said(page)).to_contain_text("two three", timeout=SLOW)

    for word in ("seven", "twelve", "eighteen"):
        expect(said(page)).to_contain_text(word, timeout=SLOW)
        expect(page.locator("#link-state")).to_have_attribute("data-state", "live", timeout=SLOW)
        page.evaluate("document.getElementById('run').live.socket.close()")
    status(page, "Needs you")
    expect(page.locator("#link-state")).to_have_attribute("data-state", "live", timeout=SLOW)

    expect(said(page)).to_have_text(COUNTED)
    assert page.evaluate("document.getElementById('run').live.reconnects") >= 3
    expect(page.locator("[data-section] h3")).to_have_text(["WRITE", "PUBLISH"])


def test_a_web_process_that_dies_is_told_and_the_page_goes_on_with_the_next(
    page: Page, platform: Stack, repository: Path
) -> None:
    run_id = start(platform, repository)
    page.goto(f"/runs/{run_id}/")
    expect(said(page)).to_contain_text("three", timeout=SLOW)

    platform["web"].kill()
    expect(page.locator("#link-state")).to_have_attribute("data-state", "waiting")
    expect(said(page)).to_contain_text("three")  # what was there stays
    platform["web"].start()

    expect(page.locator("#link-state")).to_have_attribute("data-state", "live", timeout=SLOW)
    platform.api.post(f"/v1/runs/{run_id}/cancel", json={})
    # The model was away with the web process: a slow restart may cost the step its tries.
    word = str(platform.wait_for_end(run_id, timeout_s=60)["status"]).capitalize()
    status(page, word)
    fresh = page.context.new_page()
    fresh.goto(f"/runs/{run_id}/")
    expect(fresh.locator("[data-section]").first).to_be_visible()
    status(fresh, word)
    # The page that lived through it shows what a fresh one shows.
    expect(page.locator("[data-part=transcript] .items")).to_have_text(
        fresh.locator("[data-part=transcript] .items").all_text_contents()
    )


def test_a_failed_step_says_why_what_helps_and_restarts_with_a_hint(
    page: Page, platform: Stack, repository: Path
) -> None:
    run_id = start(platform, repository, "please fail")
    page.goto(f"/runs/{run_id}/")
    status(page, "Failed")

    card = page.get_by_role("region", name="WRITE failed")
    expect(card).to_contain_text("agent_failed")
    expect(card).to_contain_text("The task asks for the impossible.")
    expect(card).to_contain_text("restart the step with a hint")

    card.get_by_role("button", name="Restart WRITE").click()
    in_dialog(page, "Restart step", **{"A hint for the agent (optional)": "Do it anyway."})
    expect(page.locator(".step .visits")).to_have_text("×2", timeout=SLOW)
    status(page, "Failed")
    expect(page.locator(".note", has_text="Restarted by a person")).to_be_visible()


def test_pause_resume_and_stop(page: Page, platform: Stack, repository: Path) -> None:
    run_id = start(platform, repository)
    page.goto(f"/runs/{run_id}/")
    expect(said(page)).to_contain_text("one", timeout=SLOW)

    page.get_by_role("button", name="Hint", exact=True).click()
    in_dialog(page, "Send hint", **{"What should the agent know?": "Keep it short."})
    page.get_by_role("button", name="Pause", exact=True).click()
    status(page, "Paused")
    page.get_by_role("button", name="Resume", exact=True).click()
    status(page, "Needs you")
    page.get_by_role("button", name="Stop", exact=True).click()
    in_dialog(page, "Stop run", **{"Why (optional)": "Enough."})
    status(page, "Cancelled")
    expect(page.get_by_role("button", name="Run again")).to_be_visible()


def test_the_list_follows_runs_by_itself_and_filters(
    page: Page, platform: Stack, repository: Path
) -> None:
    page.goto("/")
    expect(page.locator("#runs")).not_to_be_empty()
    start(platform, repository, "Seen without a reload: please fail")
    row = page.get_by_role("row").filter(has_text="Seen without a reload").first
    expect(row).to_contain_text("Failed", timeout=SLOW)

    page.get_by_role("button", name="Completed").click()
    expect(page.get_by_role("row").filter(has_text="Seen without a reload")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Completed")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Pipeline").select_option("bugfix")
    expect(page.get_by_text("No run matches")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_role("row").filter(has_text="Seen without a reload")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_barrier_and_no_sideways_scrolling(
    browser: Browser, platform: Stack, repository: Path, width: int, theme: Any
) -> None:
    run_id = start(platform, repository, "please fail")
    platform.wait_for_end(run_id)
    page, problems = signed_in(
        browser, platform, viewport={"width": width, "height": 844}, color_scheme=theme,
        reduced_motion="reduce",
    )  # fmt: skip
    for address in ("/", "/?new", f"/runs/{run_id}/", "/runs/run_none/"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("main")).to_be_visible()
        found = Axe().run(page).response["violations"]
        serious = [
            (entry["id"], [node["html"][:160] for node in entry["nodes"]])
            for entry in found
            if entry["impact"] in ("serious", "critical")
        ]
        assert not serious, address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    page.context.close()
    assert not problems


def test_keys_reach_everything(page: Page, platform: Stack, repository: Path) -> None:
    run_id = start(platform, repository, "please fail")
    platform.wait_for_end(run_id)
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    link = page.get_by_role("link", name="please fail").first
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/runs/"))
    restart = page.get_by_role("button", name="Restart WRITE")
    restart.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("A hint for the agent (optional)")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(restart).to_be_focused()
    page.get_by_role("tab", name="Changes").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Results")).to_be_focused()
    expect(page.get_by_role("tab", name="Results")).to_have_attribute("aria-selected", "true")


def test_what_an_agent_writes_is_text(page: Page, platform: Stack, repository: Path) -> None:
    task = "please fail <img src=x onerror=alert(1)> <script>alert(2)</script>"
    run_id = start(platform, repository, task)
    page.on("dialog", lambda box: pytest.fail(f"a script ran: {box.message}"))
    page.goto(f"/runs/{run_id}/")
    expect(page.get_by_role("heading", level=1)).to_have_text(task)
    assert page.locator("main img, main script").count() == 0


def test_strangers_are_sent_to_the_sign_in_and_come_back(
    browser: Browser, platform: Stack, repository: Path
) -> None:
    run_id = start(platform, repository, "please fail")
    page = browser.new_page(base_url=platform.url)
    page.goto(f"/runs/{run_id}/")
    assert page.url.startswith(f"{platform.url}/login/?next=")
    page.get_by_label("User name").fill("owner")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    answer = httpx2.get(f"{platform.url}/v1/runs/{run_id}")
    assert answer.status_code == 401
    policy = httpx2.get(f"{platform.url}/login/").headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    page.close()
