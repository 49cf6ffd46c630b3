"""Keys, money, secrets and personas; what waits for a person, and what they are told."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.dashboard.seed import SUM_UP
from tests.support.browser import SLOW_MS, signed_in
from tests.support.dashboard import shows_status, start_gated
from tests.support.model_server import ModelServer, says
from tests.support.stack import Stack

KEY = "sk-journey-4f8a1c22d9"
SECRET = "correct-horse-battery-7781"  # noqa: S105  of a test's secret


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    with ModelServer([], beside=says("ok")) as server:
        server.gets["/v1/models"] = {"data": [{"id": "small"}]}
        yield server


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def confirm(page: Page, action: str) -> None:
    page.get_by_role("alertdialog").get_by_role("button", name=action, exact=True).click()
    expect(page.get_by_role("alertdialog")).to_have_count(0, timeout=SLOW_MS)


def everything_kept(page: Page) -> str:
    """What the browser has of the page and keeps for later."""
    stored = page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    return f"{page.content()} {stored} {page.url}"


def test_a_provider_s_key_is_written_and_used_and_never_told(
    page: Page, platform: Stack, model_server: ModelServer
) -> None:
    page.goto("/settings/providers")
    page.get_by_role("button", name="Own server").click()
    page.get_by_label("Short name").fill("journey")
    page.get_by_label("Label").fill("Journey")
    page.get_by_label("Address", exact=True).fill(f"{model_server.url}/v1")
    page.get_by_label("It stands in our own network").check()
    page.get_by_role("button", name="Add server").click()

    sheet = page.get_by_role("dialog", name="Journey")
    sheet.get_by_label("New key").fill(KEY)
    sheet.get_by_role("button", name="Save key").click()
    expect(sheet.get_by_text(KEY[-4:])).to_be_visible(timeout=SLOW_MS)
    sheet.get_by_label("Model to ask").fill("small")
    sheet.get_by_role("button", name="Make a test call").click()
    expect(sheet.get_by_text(re.compile("small answered in"))).to_be_visible(timeout=SLOW_MS)
    assert KEY in model_server.headers[-1]["authorization"]

    assert KEY not in everything_kept(page)
    page.reload()
    expect(page.get_by_role("dialog", name="Journey").get_by_text(KEY[-4:])).to_be_visible()
    assert KEY not in everything_kept(page)
    assert KEY not in "".join(process.log for process in platform.live.started.values())
    assert KEY not in platform.api.get("/v1/llm/providers").text


def test_a_secret_is_written_changed_and_never_shown(page: Page, platform: Stack) -> None:
    page.goto("/settings/secrets")
    page.get_by_role("button", name="New secret").click()
    page.get_by_label("Name").fill("Deploy token")
    page.get_by_label("Value").fill(SECRET)
    page.get_by_role("button", name="Save secret").click()
    row = page.get_by_role("row", name=re.compile("Deploy token"))
    expect(row).to_contain_text("DEPLOY_TOKEN", timeout=SLOW_MS)
    assert SECRET not in everything_kept(page)

    row.get_by_role("button", name="Change").click()
    expect(page.get_by_label("New value")).to_have_value("")
    page.get_by_label("What it is for").fill("The deploy script")
    page.get_by_role("button", name="Save secret").click()
    expect(dialog(page)).to_have_count(0, timeout=SLOW_MS)
    row.get_by_role("button", name="Who may use").click()
    expect(dialog(page)).to_contain_text("The deploy script")
    assert SECRET not in everything_kept(page)
    found = platform.api.get("/v1/secrets")
    assert SECRET not in found.text
    assert [secret["description"] for secret in found.json()] == ["The deploy script"]


def test_a_budget_stops_a_run_and_lets_it_go_on(
    page: Page, platform: Stack, repository: Path
) -> None:
    page.goto("/usage/budgets")
    page.get_by_role("button", name="New budget").click()
    page.get_by_label("Holds for").select_option("agent")
    page.get_by_label("Only this agent").fill("yukihiro")
    page.get_by_label("Stop at, calls").fill("1")
    page.get_by_role("button", name="Make budget").click()
    row = page.get_by_role("row", name=re.compile("yukihiro"))
    expect(row).to_contain_text("1 call", timeout=SLOW_MS)

    run_id = start_gated(platform, repository, "Write within a budget.")
    page.goto("/decisions?kind=budget")
    card = page.get_by_role("article", name=re.compile("Write within a budget"))
    expect(card).to_be_visible(timeout=SLOW_MS)
    card.get_by_role("link", name="Look at budgets").click()
    row.get_by_role("button", name="Change").click()
    page.get_by_label("Stop at, calls").fill("50")
    page.get_by_role("button", name="Save budget").click()
    expect(row).to_contain_text("50 calls", timeout=SLOW_MS)

    page.goto("/decisions")
    expect(card.get_by_role("button", name="Approve")).to_be_visible(timeout=SLOW_MS)
    card.get_by_role("button", name="Approve").click()
    expect(card).to_contain_text(re.compile("Approved.*by you"), timeout=SLOW_MS)
    page.goto(f"/runs/{run_id}")
    shows_status(page, "Completed")

    page.goto("/usage/budgets")
    row.get_by_role("button", name="Delete").click()
    confirm(page, "Delete budget")
    expect(row).to_have_count(0, timeout=SLOW_MS)


def test_a_decision_that_is_answered_elsewhere_turns_at_once(
    page: Page, browser: Browser, platform: Stack, repository: Path
) -> None:
    run_id = start_gated(platform, repository, "Write what two look at.")
    page.goto("/decisions")
    card = page.get_by_role("article", name=re.compile("Write what two look at"))
    expect(card.get_by_role("button", name="Approve")).to_be_visible(timeout=SLOW_MS)
    with signed_in(browser, platform, role="admin") as other:
        other.page.goto("/")
        theirs = other.page.get_by_role("article", name=re.compile("Write what two look at"))
        theirs.get_by_role("button", name="Approve").click()
        expect(theirs).to_contain_text(re.compile("Approved.*by you"), timeout=SLOW_MS)
    expect(card).to_contain_text(re.compile("Approved.*by Admin"), timeout=SLOW_MS)
    expect(card.get_by_role("button")).to_have_count(0)
    approval = platform.api.get(f"/v1/runs/{run_id}/approvals").json()[0]
    second = platform.api.post(
        f"/v1/runs/{run_id}/approvals/{approval['id']}", json={"decision": "reject"}
    )
    assert second.status_code == 409
    assert "already approved" in second.json()["detail"]


def test_a_notification_comes_into_the_bell_without_a_reload(page: Page, platform: Stack) -> None:
    page.goto("/notifications")
    bell = page.get_by_role("button", name=re.compile("^Notifications"))
    expect(bell).to_be_visible()
    told = platform.api.post(
        "/v1/notifications",
        json={"title": "Maintenance on Sunday", "body": "From eight.", "link": "/usage"},
    )
    assert told.status_code == 201, told.text
    row = page.get_by_role("listitem").filter(has_text="Maintenance on Sunday")
    expect(row).to_contain_text("unread", timeout=SLOW_MS)
    expect(bell).to_have_accessible_name(re.compile("unread"))

    bell.click()
    page.get_by_role("link", name="Maintenance on Sunday").last.click()
    expect(page.get_by_role("heading", name="Usage", level=1)).to_be_visible()
    page.goto("/notifications")
    expect(row).not_to_contain_text("unread", timeout=SLOW_MS)
    row.get_by_role("button", name="Put away").click()
    expect(row).to_have_count(0, timeout=SLOW_MS)


def test_rules_say_where_news_go_and_a_webhook_s_secret_is_shown_once(
    page: Page, platform: Stack
) -> None:
    page.goto("/notifications/webhooks")
    page.get_by_role("button", name="New webhook").click()
    page.get_by_label("Name").fill("Pager")
    page.get_by_label("Address", exact=True).fill("https://example.org/hooks/djinn")
    page.get_by_role("button", name="Make webhook").click()
    secret = page.get_by_role("dialog", name="Webhook made").locator("pre").inner_text()
    assert secret.startswith("whsec_")
    page.get_by_role("button", name="I have saved it").click()
    expect(page.get_by_role("row", name=re.compile("Pager"))).to_contain_text("no failure")
    assert secret not in everything_kept(page)

    page.goto("/notifications/rules")
    page.get_by_role("button", name="New rule").click()
    page.get_by_label("About").select_option("run.*")
    page.get_by_label("Of these").select_option("error")
    page.get_by_label("Goes to").select_option("webhook")
    page.get_by_label("Which webhook").select_option(label="Pager")
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_label("Quiet until").fill("07:00")
    page.get_by_role("button", name="Save rule").click()
    row = page.get_by_role("row", name=re.compile("All about runs"))
    expect(row).to_contain_text("22:00 to 07:00", timeout=SLOW_MS)
    kept = platform.api.get("/v1/notifications/rules").json()["rules"]
    assert [(rule["kind"], rule["sink"], rule["min_level"]) for rule in kept] == [
        ("run.*", "webhook", "error")
    ]
    row.get_by_role("button", name="Delete").click()
    confirm(page, "Delete rule")
    expect(page.get_by_text("You have no rule.")).to_be_visible()
    assert platform.api.get("/v1/notifications/rules").json()["rules"] == []


def test_a_persona_that_two_write_is_lost_to_neither(browser: Browser, platform: Stack) -> None:
    with signed_in(browser, platform) as visited:
        visited.allow("409 /v1/agents/grace/files/")
        _write_beside_another(visited.page, platform)


def _write_beside_another(page: Page, platform: Stack) -> None:
    page.goto("/agents/grace?tab=persona")
    editor = page.get_by_role("textbox", name=re.compile("of Grace"))
    editor.click(timeout=SLOW_MS)
    page.keyboard.press("Control+End")
    page.keyboard.type("\n\nMine: be brief.")
    agent = platform.api.get("/v1/agents/grace").json()
    name = agent["persona_files"][0]
    theirs = platform.api.put(
        f"/v1/agents/grace/files/{name}",
        json={
            "content": agent["files"][name] + "\n\nTheirs: be kind.",
            "version": agent["version"],
        },
    )
    assert theirs.status_code == 200, theirs.text
    expect(page.get_by_text("somebody changed the agent meanwhile")).to_be_visible(timeout=SLOW_MS)
    expect(editor).to_contain_text("Mine: be brief.")

    page.get_by_role("button", name=re.compile("^Save ")).click()
    refused = page.get_by_role("dialog", name="Somebody else was first")
    expect(refused).to_contain_text("Theirs: be kind.", timeout=SLOW_MS)
    expect(refused).to_contain_text("Mine: be brief.")
    refused.get_by_role("button", name="Save mine over it").click()
    expect(refused).to_have_count(0, timeout=SLOW_MS)
    expect(page.get_by_role("button", name="Bring back")).to_have_count(3, timeout=SLOW_MS)
    assert "Mine: be brief." in platform.api.get("/v1/agents/grace").json()["files"][name]


def test_usage_and_calls_say_what_the_api_says(page: Page, platform: Stack) -> None:
    platform.wait_for_end(start_gated(platform, None, "please fail"))
    page.goto("/usage/calls")
    told: dict[str, Any] = platform.api.get("/v1/llm/calls").json()
    heading = page.get_by_role("main").locator("header").first
    expect(heading).to_contain_text(f"{told['totals']['calls']} calls", timeout=SLOW_MS)
    page.get_by_label("Agent").select_option("yukihiro")
    expect(page).to_have_url(re.compile("agent_id=yukihiro"))
    theirs = platform.api.get("/v1/llm/calls", params={"agent_id": "yukihiro"}).json()
    rows = page.get_by_role("row")
    expect(rows).to_have_count(len(theirs["items"]) + 1)
    page.reload()
    expect(rows).to_have_count(len(theirs["items"]) + 1)
    page.get_by_role("button", name=re.compile("details")).first.click()
    expect(dialog(page)).to_contain_text("scripted/gated")
    expect(page).to_have_url(re.compile("call="))

    platform.live.manage("shell", "-c", SUM_UP)
    page.goto("/usage?group=agent&range=24h")
    usage = platform.api.get("/v1/llm/usage", params={"group_by": "agent", "bucket": "hour"}).json()
    calls = sum(row["calls"] for row in usage)
    expect(page.get_by_role("main")).to_contain_text(re.compile(rf"Calls\s*{calls}"))
