"""Journeys over pipelines: the graph, and the editor that is checked while one writes."""

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import SLOW_MS, barriers, signed_in
from tests.support.dashboard import MODEL, shows_status
from tests.support.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.chromium, pytest.mark.timeout(420)]

GOOD = """id: {id}
name: Written here
agents:
  - {{id: finn, name: Finn}}
steps:
  - id: LOOK
    agent: finn
    input: "{{{{task_description}}}}"
"""


def editor(page: Page) -> Locator:
    return page.get_by_role("textbox", name="YAML of the pipeline")


def write(page: Page, text: str) -> None:
    editor(page).click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)


def put(platform: Stack, pipeline_id: str, text: str) -> None:
    answer = platform.api.put(f"/v1/pipelines/{pipeline_id}", json={"yaml_content": text})
    assert answer.status_code == 200, answer.text


def test_an_error_is_marked_at_its_line_and_bars_the_save(page: Page, platform: Stack) -> None:
    text = GOOD.format(id="lined")
    page.goto("/pipelines/new")
    write(page, text.replace("agent: finn", "agent: nobody"))
    problems = page.get_by_role("list", name="Problems")
    expect(problems).to_contain_text("P008", timeout=SLOW_MS)
    expect(problems).to_contain_text("line 7")
    marked = page.locator(".cm-line:has(.cm-lintRange-error)")
    expect(marked).to_have_text("    agent: nobody")
    save = page.get_by_role("button", name="Save", exact=True)
    expect(save).to_have_attribute("aria-disabled", "true")
    assert not barriers(page)
    write(page, text)
    expect(page.locator(".cm-lintRange-error")).to_have_count(0, timeout=SLOW_MS)
    expect(save).not_to_have_attribute("aria-disabled", "true", timeout=SLOW_MS)
    page.keyboard.press("ControlOrMeta+s")
    expect(page.get_by_role("heading", level=1, name="Written here")).to_be_visible()
    assert platform.api.get("/v1/pipelines/lined").json()["layer"] == "data"


def test_keys_and_values_are_completed(page: Page, platform: Stack) -> None:
    put(platform, "completed", GOOD.format(id="completed"))
    page.goto("/pipelines/completed?tab=yaml")
    expect(editor(page)).to_contain_text("LOOK")
    page.locator(".cm-line").nth(7).click()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type("thinkingL")
    offers = page.locator(".cm-tooltip-autocomplete")
    expect(offers).to_contain_text("thinkingLevel", timeout=SLOW_MS)
    page.keyboard.press("Enter")
    page.keyboard.type("hi")
    expect(offers).to_contain_text("high", timeout=SLOW_MS)


ROUTED = """id: routed
name: Routed
agents:
  - {id: finn, name: Finn}
steps:
  - id: WRITE
    agent: finn
    input: "{{nowhere}} {{task_description}}"
    outputs: [note]
    onComplete: READ
  - id: READ
    agent: finn
    input: "{{note}}"
    outputs: [read_result]
    onResult: {CHANGES: {goto: WRITE}, GOOD: {goto: SHIP}}
  - {id: SHIP, agent: finn, input: "ship"}
"""


def test_variables_are_known_and_an_unsaved_text_is_tried(page: Page, platform: Stack) -> None:
    page.goto("/pipelines/new")
    write(page, ROUTED)
    # The text was read: from here on its own outputs are known.
    problems = page.get_by_role("list", name="Problems")
    expect(problems).to_contain_text("'nowhere', which no step outputs", timeout=SLOW_MS)
    expect(page.locator(".cm-variable-unknown").first).to_have_text("nowhere", timeout=SLOW_MS)
    expect(page.locator(".cm-variable", has_text="task_description")).to_be_visible()
    page.locator(".cm-line", has_text="ship").last.click()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type(" {{no")
    offers = page.locator(".cm-tooltip-autocomplete")
    # By mouse: Enter is a new line while the offers have only just come.
    offers.get_by_role("option").filter(has_text="output of WRITE").click(timeout=SLOW_MS)
    expect(editor(page)).to_contain_text("ship {{note}}")

    dry = page.get_by_role("region", name="Dry run")
    dry.get_by_label("Task to try it with").fill("Say hello.")
    start = dry.get_by_role("button", name="Dry run")
    expect(start).not_to_have_attribute("aria-disabled", "true", timeout=SLOW_MS)
    start.click()
    expect(dry).to_contain_text("It comes to its end.", timeout=SLOW_MS)
    way = dry.get_by_role("list", name="The way").locator("> li")
    expect(way).to_have_count(5)
    way.first.get_by_role("button").click()
    expect(way.first).to_contain_text("Say hello.")
    expect(way.first).to_contain_text("Without a value: nowhere")
    assert not barriers(page)
    dry.get_by_label("READ answers").select_option("GOOD")
    expect(way).to_have_count(3, timeout=SLOW_MS)
    dry.get_by_label("READ answers").select_option("CHANGES")
    expect(dry).to_contain_text("visit_limit", timeout=SLOW_MS)
    assert platform.api.get("/v1/pipelines/routed").status_code == 404, "nothing was kept"
    assert platform.api.get("/v1/runs?pipeline_id=routed").json()["items"] == []


def test_what_somebody_else_saved_is_never_lost(browser: Browser, platform: Stack) -> None:
    text = GOOD.format(id="shared")
    put(platform, "shared", text)
    with signed_in(browser, platform) as visited:
        visited.allow("409 /v1/pipelines/shared")
        page = visited.page
        page.goto("/pipelines/shared?tab=yaml")
        expect(editor(page)).to_contain_text("LOOK", timeout=SLOW_MS)
        write(page, text.replace("Written here", "Mine"))
        save = page.get_by_role("button", name="Save", exact=True)
        expect(save).not_to_have_attribute("aria-disabled", "true", timeout=SLOW_MS)
        put(platform, "shared", text.replace("Written here", "Theirs"))
        save.click()
        dialog = page.get_by_role("dialog", name="Somebody else has saved this pipeline")
        expect(dialog.get_by_role("region", name="As it is now")).to_contain_text("Theirs")
        expect(dialog.get_by_role("region", name="Yours")).to_contain_text("Mine")
        dialog.get_by_role("button", name="Go on writing").click()
        expect(editor(page)).to_contain_text("Mine")
        save.click()
        dialog.get_by_role("button", name="Save mine over theirs").click()
        expect(dialog).to_have_count(0)
        expect(page.get_by_role("heading", level=1, name="Mine")).to_be_visible(timeout=SLOW_MS)


def test_a_built_in_one_becomes_a_copy_and_comes_back(page: Page, platform: Stack) -> None:
    page.goto("/pipelines/engineering")
    graph = page.get_by_test_id("step-graph")
    expect(graph.get_by_role("button", name="IMPLEMENT")).to_be_visible(timeout=SLOW_MS)
    graph.get_by_role("button", name="IMPLEMENT").click()
    step = page.get_by_role("region", name="Step IMPLEMENT")
    expect(step).to_contain_text("Loop over")
    assert not barriers(page)
    step.get_by_role("button", name="Line").click()
    expect(editor(page)).to_contain_text("IMPLEMENT", timeout=SLOW_MS)
    editor(page).click()
    page.keyboard.press("ControlOrMeta+Home")
    page.keyboard.insert_text("# of ours\n")
    save = page.get_by_role("button", name="Save as a copy of yours")
    expect(save).not_to_have_attribute("aria-disabled", "true", timeout=SLOW_MS)
    save.click()
    expect(page.get_by_text("yours", exact=True)).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete pipeline").click()
    expect(page.get_by_role("heading", level=1, name="Pipelines")).to_be_visible()
    assert platform.api.get("/v1/pipelines/engineering").json()["layer"] == "builtin"


def test_what_it_said_before_is_compared_and_comes_back(page: Page, platform: Stack) -> None:
    text = GOOD.format(id="kept")
    put(platform, "kept", text)
    put(platform, "kept", text.replace("Written here", "Written later"))
    page.goto("/pipelines/kept?tab=history")
    rows = page.get_by_role("list", name="Versions").get_by_role("listitem")
    expect(rows).to_have_count(2, timeout=SLOW_MS)
    expect(rows.first).to_contain_text("now")
    rows.last.get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog", name="kept: that version and the present one")
    expect(dialog).to_contain_text("Written later")
    expect(dialog.locator(".cm-deletedChunk")).to_contain_text("Written here")
    page.keyboard.press("Escape")
    rows.last.get_by_role("button", name="Bring back").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Bring back version").click()
    expect(page.get_by_role("heading", level=1, name="Written here")).to_be_visible(timeout=SLOW_MS)
    expect(rows).to_have_count(3)


def test_a_pipeline_is_run_from_its_page(page: Page, platform: Stack) -> None:
    page.goto("/pipelines/gated")
    page.get_by_role("link", name="Run this pipeline").click()
    dialog = page.get_by_role("dialog", name="New run")
    expect(dialog.get_by_label("Pipeline")).to_have_value("gated")
    dialog.get_by_label("Task").fill("please fail, from here")
    dialog.get_by_text("More: model").click()
    dialog.get_by_label("Model", exact=True).fill(MODEL)
    dialog.get_by_role("button", name="Start run").click()
    # Opened while it is pending, it goes live and ends by itself.
    expect(page.get_by_role("heading", level=1, name="please fail, from here")).to_be_visible()
    shows_status(page, "Failed")
    page.goto("/pipelines/gated?tab=runs")
    expect(page.get_by_role("row").filter(has_text="please fail, from here")).to_be_visible()
