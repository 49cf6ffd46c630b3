"""Journeys over runs: steered, stopped, started again, searched, compared; long, hostile, cut."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import SLOW_MS, barriers, scrolls_sideways, signed_in
from tests.support.cut_proxy import CutProxy
from tests.support.dashboard import FIXTURES, shows_status, start_gated
from tests.support.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.chromium, pytest.mark.timeout(420)]

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
}


def start_plain(
    platform: Stack, repository: Path, name: str, turns: list[dict[str, Any]], **script: Any
) -> str:
    """A run of one step that says and does what `turns` say, and is done."""
    shutil.copyfile(FIXTURES / "plain.yml", platform.home / "pipelines" / "plain.yml")
    done = {"tool": "complete", "args": {"summary": "Said.", "outputs": {"result": "said"}}}
    played = [*turns, {"say": "That is all.", "call": [done]}]
    text = yaml.safe_dump(
        {"description": name, **script, "steps": {"SAY": [{"turns": played}]}}, allow_unicode=True
    )
    (platform.home / "scripts" / f"{name}.yml").write_text(text)
    where = {"repository": str(repository), "model_override": f"scripted/{name}"}
    return platform.start_run("plain", f"Say {name}.", **where)


def bash(command: str) -> dict[str, Any]:
    return {"tool": "bash", "args": {"command": command}}


def output(page: Page) -> Locator:
    return page.get_by_role("log", name="Output of the run")


def test_steer_pause_resume_and_stop(page: Page, platform: Stack, repository: Path) -> None:
    run_id = start_gated(platform, repository)
    page.goto(f"/runs/{run_id}")
    box = page.get_by_role("textbox", name="Tell yukihiro something")
    box.fill("Count in Latin.", timeout=SLOW_MS)
    box.press("Enter")
    expect(output(page)).to_contain_text("A hint from a person Count in Latin.", timeout=SLOW_MS)
    page.get_by_role("button", name="Pause").click()
    shows_status(page, "Paused")
    expect(page.get_by_role("region", name="Paused")).to_contain_text("nothing is paid for")
    page.get_by_role("button", name="Resume").click()
    approval = page.get_by_role("region", name="Approval")
    expect(approval).to_be_visible(timeout=SLOW_MS)
    assert not barriers(page)
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("s")
    dialog = page.get_by_role("alertdialog", name="Stop this run?")
    dialog.get_by_label("Why (optional)").fill("Enough.")
    dialog.get_by_role("button", name="Stop run").click()
    shows_status(page, "Cancelled")
    assert platform.run(run_id)["cancel_reason"] == "Enough."


def test_a_failed_run_says_what_helps_and_its_step_starts_again(
    page: Page, platform: Stack, repository: Path
) -> None:
    run_id = start_gated(platform, repository, "please fail")
    platform.wait_for_end(run_id)
    page.goto(f"/runs/{run_id}")
    failure = page.get_by_role("region", name="Failure")
    expect(failure).to_contain_text("WRITE failed", timeout=SLOW_MS)
    expect(failure).to_contain_text("What helps:")
    failure.get_by_role("button", name="Restart WRITE").click()
    dialog = page.get_by_role("dialog", name="Restart WRITE?")
    dialog.get_by_label("A hint for the agent").fill("Leave the impossible out.")
    dialog.get_by_role("button", name="Restart step").click()
    expect(dialog).to_have_count(0)
    graph = page.get_by_test_id("step-graph")
    expect(graph.get_by_text("×2")).to_be_visible(timeout=SLOW_MS)
    # The hint reached the model, which was scripted to listen to it.
    expect(output(page)).to_contain_text("I leave it out, as I was told.", timeout=SLOW_MS)
    page.get_by_role("button", name="Show as list").click()
    expect(page.get_by_role("list", name="Steps", exact=True)).to_contain_text("WRITE")
    page.get_by_role("region", name="Approval").get_by_role("button", name="Reject").click()
    shows_status(page, "Failed")


def test_who_reads_back_is_not_disturbed(page: Page, platform: Stack, repository: Path) -> None:
    paragraphs = "\n\n".join(f"Paragraph {number} of many." for number in range(200))
    pace = {"chunk_chars": 60, "chunk_delay_s": 0.12}
    run_id = start_plain(platform, repository, "followed", [{"say": paragraphs}], **pace)
    page.goto(f"/runs/{run_id}")
    place = output(page)
    expect(place).to_contain_text("Paragraph 40 of many.", timeout=SLOW_MS)
    place.evaluate("(place) => place.scrollTo({ top: place.scrollTop - 400 })")
    news = page.get_by_role("button", name=re.compile(r"^\d+ new$"))
    expect(news).to_be_visible(timeout=SLOW_MS)
    where = place.evaluate("(place) => place.scrollTop")
    expect(news).to_have_text(re.compile(r"^\d\d new$"))
    assert place.evaluate("(place) => place.scrollTop") == where
    news.click()
    expect(news).to_have_count(0)
    shows_status(page, "Completed")
    expect(place).to_contain_text("That is all.")  # the end was followed again


def test_what_a_run_did_is_read_by_step_and_forked(
    page: Page, platform: Stack, repository: Path
) -> None:
    run_id = start_gated(platform, repository, "Fork this note.")
    page.goto(f"/runs/{run_id}")
    approval = page.get_by_role("region", name="Approval")
    approval.get_by_label("Comment (optional)").fill("Looks right.", timeout=SLOW_MS)
    approval.get_by_role("button", name="Approve").click()
    shows_status(page, "Completed")
    expect(output(page)).to_contain_text("Published.", timeout=SLOW_MS)

    page.get_by_test_id("step-graph").get_by_role("button", name="WRITE").click()
    expect(output(page)).not_to_contain_text("Published.")
    expect(output(page).get_by_role("button", name="bash")).to_be_visible()
    page.get_by_label("What is shown").select_option("thinking")
    expect(output(page)).to_contain_text("A note is a small thing")
    page.get_by_role("button", name="WRITE ✕").click()
    page.get_by_label("What is shown").select_option("all")

    page.get_by_role("tab", name="Changes").click()
    page.get_by_label("Changes of").select_option("")
    expect(page.get_by_role("group", name="Difference of NOTE.md")).to_contain_text("A note.")
    page.get_by_role("tab", name="Outputs").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("It is out.")
    page.get_by_role("tab", name="Cost").click()
    by_step = page.get_by_role("region", name="By step")
    expect(by_step.get_by_role("row").filter(has_text="WRITE")).to_be_visible()
    page.get_by_role("tab", name="Timeline").click()
    expect(page.get_by_role("list", name="Steps over time")).to_contain_text("PUBLISH")

    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Fork from a step").click()
    page.get_by_role("dialog").get_by_role("button", name="Start fork").click()
    expect(page.get_by_role("link", name="fork of another run")).to_be_visible(timeout=SLOW_MS)
    forked = page.url.rpartition("/")[2].partition("?")[0]
    assert forked != run_id
    page.goto(f"/runs/compare?a={run_id}&b={forked}")
    expect(page.get_by_role("main")).to_contain_text("WRITE", timeout=SLOW_MS)
    platform.api.post(f"/v1/runs/{forked}/cancel", json={})


def test_a_session_shows_what_it_was_told_and_did(
    page: Page, platform: Stack, repository: Path
) -> None:
    turns = [{"say": "I look.", "call": [bash("echo seen; ls nowhere")]}]
    run = platform.wait_for_end(start_plain(platform, repository, "session", turns))
    session_id = next(row["session_id"] for row in run["executions"])
    page.goto(f"/sessions/{session_id}")
    place = page.get_by_role("log", name="Output of the session")
    expect(place).to_contain_text("I look.", timeout=SLOW_MS)
    place.get_by_role("button", name="bash").click()
    expect(place.get_by_role("group", name="Result of bash")).to_contain_text("seen")
    expect(place).to_contain_text("That is all.")
    assert not barriers(page)
    page.get_by_role("tab", name="What it was told").click()
    expect(page.get_by_role("group", name="User prompt")).to_contain_text("Say session.")
    page.get_by_role("tab", name="LLM calls").click()
    expect(page.get_by_role("row").filter(has_text="SAY")).to_have_count(2)
    page.get_by_role("tab", name="Boxes").click()
    expect(page.get_by_role("region", name=re.compile("^Box "))).to_be_visible()
    page.get_by_role("tab", name="Raw events").click()
    events = page.get_by_role("group", name=re.compile("events$"))
    events.get_by_role("button", name="TOOL_CALL_START").first.click()
    expect(events.get_by_role("group", name=re.compile("^Event "))).to_contain_text("ls nowhere")


def test_a_link_leads_to_its_event(browser: Browser, platform: Stack, repository: Path) -> None:
    calls = [bash("ls nowhere")]
    turns = [{"say": f"Turn {number}.\n\n" + "text\n\n" * 60, "call": calls} for number in range(3)]
    run_id = start_plain(platform, repository, "linked", turns)
    platform.wait_for_end(run_id)
    with signed_in(browser, platform, permissions=["clipboard-read", "clipboard-write"]) as visited:
        page = visited.page
        page.goto(f"/runs/{run_id}")
        expect(output(page)).to_contain_text("That is all.", timeout=SLOW_MS)
        page.get_by_role("button", name="3 problems").click()
        call = page.get_by_role("button", name="bash")
        row = output(page).locator("[data-index]").filter(has=call).first
        expect(row).to_be_in_viewport()
        row.hover()
        row.get_by_role("button", name="Copy link to this event").click()
        expect(page.get_by_text("The link to this event is copied.")).to_be_visible()
        page.goto(page.evaluate("navigator.clipboard.readText()"))
        marked = output(page).locator(".tone-accent").get_by_role("button", name="bash")
        expect(marked).to_be_in_viewport(timeout=SLOW_MS)
        expect(output(page)).not_to_contain_text("That is all.")


LINES = 20_000


TOLD_LONG = """
from apps.core.events import NewEvent, events_append
say = lambda n: {{"stepId": "SAY", "visit": 2, "attempt": 1, "chunk": f"Line {{n}}.\\n\\n"}}
events_append("run:{run_id}", [
    NewEvent(type="STEP_OUTPUT", step_id="SAY", payload=say(number)) for number in range(700)
])
"""


def test_what_lies_before_the_tail_is_found_and_gone_back_to(
    page: Page, platform: Stack, repository: Path
) -> None:
    run_id = start_plain(platform, repository, "searched", [{"call": [bash("echo a Needle lies")]}])
    platform.wait_for_end(run_id)
    platform.live.manage("shell", "-c", TOLD_LONG.format(run_id=run_id))
    page.goto(f"/runs/{run_id}")
    expect(output(page)).to_contain_text("Line 699.", timeout=SLOW_MS)
    page.get_by_label("Search in the output").fill("needle lies")
    expect(page.get_by_text("none loaded")).to_be_visible()
    page.get_by_role("button", name="All", exact=True).click()
    matches = page.get_by_role("list", name="Matches in the whole output").get_by_role("button")
    expect(matches.first).to_contain_text("Needle lies", timeout=SLOW_MS)
    assert not barriers(page)
    matches.filter(has_text="result").first.click()
    result = output(page).get_by_role("group", name="Result of bash")
    expect(result).to_contain_text("a Needle lies", timeout=SLOW_MS)

    page.get_by_role("button", name="The whole output").click()
    text = page.get_by_role("menuitem", name="Open as plain text")
    read = page.request.get(text.get_attribute("href") or "")
    assert read.headers["content-type"].startswith("text/plain")
    assert "a Needle lies" in read.text()
    assert "Line 699." in read.text()
    page.keyboard.press("Escape")
    page.get_by_label("Search in the output").fill("")

    page.get_by_role("tab", name="Timeline").click()
    handle = page.get_by_role("slider", name="The run as of")
    handle.press("ArrowLeft")
    then = page.get_by_role("group", name="As it was then")
    expect(then).to_contain_text("said")
    expect(output(page)).not_to_contain_text("Line 699.")
    expect(page).to_have_url(re.compile(r"at=\d+"))
    assert not barriers(page)
    then.get_by_role("button", name="Fork from here").click()
    fork = page.get_by_role("dialog", name="Fork this run")
    expect(fork).to_contain_text("visit 1 of SAY", timeout=SLOW_MS)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Back to now").click()
    expect(page).not_to_have_url(re.compile(r"at=\d+"))


def test_comments_on_lines_become_the_input_of_the_next_attempt(
    page: Page, platform: Stack, repository: Path
) -> None:
    run_id = start_gated(platform, repository, "Write a note for review.")
    page.goto(f"/runs/{run_id}?tab=files")
    expect(page.get_by_role("region", name="Approval")).to_be_visible(timeout=SLOW_MS)
    files = page.get_by_role("list", name="Files")
    added = files.get_by_role("listitem").filter(has_text="NOTE.md")
    expect(added).to_contain_text("added", timeout=SLOW_MS)
    page.get_by_role("button", name="1 changed").click()
    expect(files.get_by_role("listitem")).to_have_count(1)

    page.get_by_role("tab", name="Changes").click()
    page.get_by_label("Changes of").select_option("")
    page.get_by_role("button", name="Comment on line 1", exact=True).click()
    page.get_by_role("dialog").get_by_label("Comment", exact=True).fill("Say it shorter.")
    page.get_by_role("dialog").get_by_role("button", name="Add comment").click()
    page.reload()  # what was not sent is kept
    review = page.get_by_role("region", name="Your review")
    expect(review).to_contain_text("Say it shorter.", timeout=SLOW_MS)
    assert not barriers(page)
    review.get_by_role("button", name="Request changes").click()
    dialog = page.get_by_role("dialog", name="Restart WRITE?")
    hint = dialog.get_by_label("A hint for the agent")
    expect(hint).to_have_value(re.compile(r"NOTE\.md:1\n> .*\nSay it shorter\."), timeout=SLOW_MS)
    dialog.get_by_role("button", name="Restart step").click()
    expect(dialog).to_have_count(0, timeout=SLOW_MS)
    expect(review).to_have_count(0)
    written = [row for row in platform.run(run_id)["executions"] if row["step_id"] == "WRITE"]
    assert "Say it shorter." in written[-1]["human_context"]
    platform.api.post(f"/v1/runs/{run_id}/cancel", json={})


CHECKED = """
id: checked
name: Checked
defaults: {maxRetries: 0, timeoutSeconds: 120}
agents: [{id: yukihiro, name: Yukihiro}]
steps:
  - id: SAY
    agent: yukihiro
    input: "{{task_description}}"
    outputs: [result]
    checks: ["cat README.md"]
"""


def test_what_is_foretold_checked_and_compared(
    page: Page, platform: Stack, repository: Path
) -> None:
    (platform.home / "pipelines" / "checked.yml").write_text(CHECKED)
    where = {"repository": str(repository), "model_override": "scripted/auto"}
    first = platform.start_run("checked", "Check it once.", **where)
    platform.wait_for_end(first)
    page.goto("/runs?new=true&pipeline=checked")
    dialog = page.get_by_role("dialog", name="New run")
    expect(dialog).to_contain_text("from 1 earlier run", timeout=SLOW_MS)
    dialog.get_by_label("Task").fill("Check it twice.")
    dialog.get_by_label("Repository").fill(str(repository))
    dialog.get_by_text("More: model").click()
    dialog.get_by_label("Model", exact=True).fill("scripted/auto")
    expect(dialog).to_contain_text("with this model", timeout=SLOW_MS)
    assert not barriers(page)
    dialog.get_by_role("button", name="Start run").click()
    shows_status(page, "Completed")

    page.get_by_role("tab", name="Checks").click()
    checks = page.get_by_role("region", name="Checks of SAY")
    expect(checks).to_contain_text("passed", timeout=SLOW_MS)
    checks.get_by_role("button", name="cat README.md").click()
    expect(checks.get_by_role("group", name="Output of cat README.md")).to_contain_text("# Notes")

    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Compare with another run").click()
    page.get_by_label("Second run").fill(first, timeout=SLOW_MS)
    page.get_by_role("button", name="Compare", exact=True).click()
    step = page.get_by_role("row", name=re.compile("^SAY"))
    expect(step).to_contain_text(re.compile("Completed.*Completed"), timeout=SLOW_MS)
    assert not barriers(page)
    page.get_by_role("button", name="Show the differences").click()
    expect(page.get_by_text("No file differs.")).to_have_count(2, timeout=SLOW_MS)

    page.goto("/pipelines")
    row = page.get_by_role("row").filter(has_text="checked")
    expect(row).to_contain_text("100 %", timeout=SLOW_MS)


def test_twenty_thousand_lines_scroll(page: Page, platform: Stack, repository: Path) -> None:
    """All are there from the first to the last, while few of them exist in the page at a time."""
    text = "\n\n".join(
        "\n".join(f"line {number}" for number in range(at, at + 20)) for at in range(0, LINES, 20)
    )
    run_id = start_plain(platform, repository, "long", [{"say": text}], chunk_chars=4000)
    platform.wait_for_end(run_id)
    page.goto(f"/runs/{run_id}")
    place = output(page)
    expect(place).to_contain_text("That is all.", timeout=SLOW_MS)
    older = page.get_by_role("button", name="Load what came before")
    while older.count():
        older.click()
        expect(older).to_be_enabled()
    most = place.evaluate(
        """async (place) => {
          let most = 0;
          for (let part = 40; part >= 0; part -= 1) {
            place.scrollTop = (place.scrollHeight * part) / 40;
            await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
            most = Math.max(most, place.querySelectorAll("*").length);
          }
          return most;
        }"""
    )
    assert most < 3000, "few exist at a time"
    expect(place).to_contain_text(re.compile(r"line 0\D"))
    page.get_by_label("Search in the output").fill("line 12345")
    page.get_by_label("Search in the output").press("Enter")
    expect(place).to_contain_text("line 12345")
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("f")
    expect(place).to_contain_text(f"line {LINES - 1}")
    expect(place).to_contain_text("That is all.")


HOSTILE = (
    """<script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">

[click me](javascript:window.hacked=3) ![pixel](https://example.org/pixel.png)

<iframe src="javascript:parent.hacked=4"></iframe>

user\u202etxt.exe

| a | b |
|---|---|
"""
    + "| x | y |\n" * 400
)


def test_a_hostile_transcript_runs_nothing(page: Page, platform: Stack, repository: Path) -> None:
    command = (
        "printf '\\033[31m<b>bold</b>\\033[0m <script>window.hacked=5</script>\\033]0;title\\007'"
    )
    turns = [{"say": HOSTILE + "\n\n" + "A" * 1_000_000, "call": [bash(command)]}]
    run_id = start_plain(platform, repository, "hostile", turns, chunk_chars=4000)
    platform.wait_for_end(run_id)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/runs/{run_id}")
    place = output(page)
    card = place.get_by_role("button", name="bash")
    card.click(timeout=SLOW_MS)
    result = place.get_by_role("group", name="Result of bash")
    expect(result).to_contain_text("<b>bold</b> <script>")
    expect(result.locator("b, script")).to_have_count(0)
    expect(result.locator(".text-bad")).to_have_text("<b>bold</b>")
    page.get_by_label("Search in the output").fill("click me")
    page.get_by_label("Search in the output").press("Enter")
    expect(place).to_contain_text("click me")
    expect(place).to_contain_text("user[U+202E]txt.exe")
    assert place.locator("script, iframe, img, a[href^='javascript']").count() == 0
    assert page.evaluate("window.hacked") is None
    assert not [url for url in asked if "example.org" in url]
    assert not scrolls_sideways(page)
    wide = place.evaluate("(place) => place.scrollWidth - place.clientWidth")
    assert wide <= 1, "no row is wider than its panel"


def test_the_list_filters_keeps_views_and_acts_on_many(
    page: Page, platform: Stack, repository: Path
) -> None:
    runs = [start_gated(platform, repository, f"Bulk note {number}") for number in range(3)]
    page.goto("/runs")
    page.get_by_label("Search in tasks").fill("Bulk note")
    rows = page.get_by_role("row").filter(has_text="Bulk note")
    expect(rows).to_have_count(3, timeout=SLOW_MS)
    expect(rows.first.get_by_role("img", name=re.compile("of 2 steps are done"))).to_be_visible()
    expect(page).to_have_url(re.compile("q=Bulk"))
    page.get_by_role("button", name="Save view").click()
    page.get_by_label("Name of the view").fill("Bulk")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="All", exact=True).click()
    expect(page).not_to_have_url(re.compile("q=Bulk"))
    page.get_by_role("button", name="Bulk", exact=True).click()
    expect(rows).to_have_count(3)
    page.get_by_label("Choose all that are loaded").check()
    page.get_by_role("button", name="Stop 3").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Stop 3 runs").click()
    for run_id in runs:
        assert platform.wait_for_end(run_id)["status"] == "cancelled"
    expect(rows.filter(has_text="Cancelled")).to_have_count(3, timeout=SLOW_MS)
    page.get_by_label("State", exact=True).select_option("completed")
    expect(page.get_by_text("No run matches")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("button", name="Clear filters").click()
    expect(rows).to_have_count(3)
    page.keyboard.press("j")
    expect(rows.first.get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/runs/run_"), timeout=SLOW_MS)


CUTS = 12


def test_a_line_cut_many_times_gives_the_transcript_of_the_server(
    browser: Browser, platform: Stack, repository: Path
) -> None:
    """Text, thinking, a program that prints while it runs, and cuts in the middle of them all."""
    words = " ".join(f"word-{number}" for number in range(120))
    ticks = bash("for i in $(seq 40); do echo tick-$i; sleep 0.1; done")
    turns = [
        {"think": "First " + words, "say": "Then " + words, "call": [bash("true")]},
        {"say": "It prints.", "call": [ticks]},
        {"say": "At last " + words, "call": [bash("echo end")]},
    ]
    proxy = CutProxy(None, platform.live.platform.port)
    away = f"http://127.0.0.1:{proxy.port}"
    run_id = start_plain(platform, repository, "cut", turns, chunk_chars=12, chunk_delay_s=0.02)
    with signed_in(browser, platform, base_url=away) as visited:
        page, visited.is_line_cut = visited.page, True
        line = page.get_by_test_id("connection")
        page.goto(f"/runs/{run_id}")
        expect(output(page)).to_be_visible(timeout=SLOW_MS)
        cuts = 0
        while cuts < CUTS and platform.run(run_id)["status"] not in ("completed", "failed"):
            expect(line).to_have_attribute("data-state-word", "live", timeout=SLOW_MS)
            proxy.cut()
            expect(line).not_to_have_attribute("data-state-word", "live", timeout=SLOW_MS)
            proxy.mend()
            cuts += 1
        assert cuts >= 3, "the run was too quick for this test"
        assert platform.wait_for_end(run_id)["status"] == "completed"
        expect(output(page)).to_contain_text("That is all.", timeout=SLOW_MS)
        shows_status(page, "Completed")
        through = everything(page)
        page.reload()
        expect(output(page)).to_contain_text("That is all.", timeout=SLOW_MS)
        assert everything(page) == through, "as a page that is opened now"
    assert words in through
    proxy.close()


def everything(page: Page) -> str:
    """All rows of the transcript, opened, in order."""
    rows: dict[int, str] = page.evaluate(
        """async () => {
          const place = document.querySelector("[data-testid=transcript]");
          const frame = () => new Promise((done) => requestAnimationFrame(done));
          const next = async () => { await frame(); await frame(); };
          const rows = {};
          for (const way of ["open", "read"]) {
            place.scrollTop = 0;
            await next();
            for (let last = -1; place.scrollTop !== last; ) {
              last = place.scrollTop;
              for (const row of place.querySelectorAll("[data-index]")) {
                if (way === "open") row.querySelector("[aria-expanded=false]")?.click();
                else rows[row.dataset.index] = row.innerText;
              }
              await next();
              place.scrollTop += place.clientHeight / 2;
              await next();
            }
          }
          return rows;
        }"""
    )
    return "\n".join(rows[key] for key in sorted(rows, key=int))


def test_a_phone_is_enough_to_read_approve_and_stop(
    browser: Browser, platform: Stack, repository: Path
) -> None:
    run_id = start_gated(platform, repository, "From the phone.")
    with signed_in(browser, platform, color_scheme="dark", **PHONE) as visited:
        page = visited.page
        page.goto(f"/runs/{run_id}")
        expect(output(page)).to_contain_text("I count to forty", timeout=SLOW_MS)
        approval = page.get_by_role("region", name="Approval")
        expect(approval).to_be_visible(timeout=SLOW_MS)
        assert not barriers(page)
        assert not scrolls_sideways(page)
        views = page.get_by_role("group", name="View")
        views.get_by_role("button", name="Steps").click()
        expect(page.get_by_test_id("step-graph").get_by_role("button", name="WRITE")).to_be_visible(
            timeout=SLOW_MS
        )
        views.get_by_role("button", name="More").click()
        expect(page.get_by_role("tab", name="Changes")).to_be_visible()
        assert not scrolls_sideways(page)
        approval.get_by_role("button", name="Approve").click()
        shows_status(page, "Completed")
