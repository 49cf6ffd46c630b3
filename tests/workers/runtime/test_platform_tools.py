"""Tools that ask the control plane: what they send, show, and say when it refuses."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from pydantic_ai import ToolFailed
from pydantic_ai.models.test import TestModel
from pydantic_ai.usage import RunUsage

from tests.support.model_server import calls, fails, says
from tests.workers.runtime.conftest import Start
from workers.runtime.api import Api
from workers.runtime.tools.analysis import AnalysisTools
from workers.runtime.tools.platform import PlatformTools

RUN = {
    "id": "run_1",
    "pipeline_id": "bugfix",
    "task": "Mend the\nlogin page",
    "status": "failed",
    "duration_s": 61.4,
    "branch": "run/run_1",
    "error": "No compiler.",
    "outputs": {"root_cause": "a typo", "files": ["a.py"]},
    "steps": [{"step_id": "FIX", "agent_id": "yukihiro", "status": "failed", "error": "gcc"}],
}


class FakeApi:
    """The routes as the control plane documents them, with the last request kept."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, dict[str, Any]]] = []
        self.runs: list[dict[str, Any]] = [RUN]
        self.refuses = False
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                api.got.append(("GET", parts.path, parse_qs(parts.query)))
                self._answer(200, {"runs": api.runs, "total": 7})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                api.got.append(("POST", self.path, body))
                self._answer(201, {"id": 1})

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                if api.refuses or self.headers["authorization"] != "Bearer dst_test":
                    status, body = 403, {"code": "forbidden", "detail": "Not your run."}
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api() -> Iterator[FakeApi]:
    made = FakeApi()
    yield made
    made.close()


@pytest_asyncio.fixture
async def platform(api: FakeApi, start: Start) -> PlatformTools:
    config = start([], api_url=api.url).config
    return PlatformTools(api=Api(config), run_id="run_9", agent_id="yukihiro")


async def test_history_is_a_list_to_read(api: FakeApi, platform: PlatformTools) -> None:
    text = await platform.get_run_history(status="terminal", limit=900, includeSteps=True)
    method, path, query = api.got[0]
    assert (method, path) == ("GET", "/v1/internal/run-history")
    assert query == {
        "agent_id": ["yukihiro"],
        "status": ["terminal"],
        "limit": ["50"],
        "include_steps": ["true"],
    }
    assert text.splitlines() == [
        "1 of 7 runs, newest first:",
        "- run_1 (bugfix): failed, 61 s. Mend the login page",
        "  error: No compiler.",
        "  branch: run/run_1",
        "  root_cause: a typo",
        '  files: ["a.py"]',
        "  - FIX by yukihiro: failed: gcc",
    ]
    api.runs = []
    assert await platform.get_run_history(agentId="") == "[no run was found]"
    assert "agent_id" not in api.got[1][2]


async def test_knowledge_goes_to_the_run(api: FakeApi, platform: PlatformTools) -> None:
    await platform.share_knowledge("issue", "Tests need a database.", importance="high")
    assert api.got == [
        ("POST", "/v1/runs/run_9/knowledge",
         {"category": "issue", "content": "Tests need a database.", "importance": "high"}),
    ]  # fmt: skip
    for content in (" ", "x" * 10_001):
        with pytest.raises(ToolFailed, match="10000 characters"):
            await platform.share_knowledge("issue", content)


async def test_a_refusal_is_told_to_the_agent(api: FakeApi, platform: PlatformTools) -> None:
    api.refuses = True
    for call in (platform.get_run_history(), platform.share_knowledge("issue", "x")):
        with pytest.raises(ToolFailed, match=r"^Error: Not your run\. \(HTTP 403\)$"):
            await call
    api.close()
    with pytest.raises(ToolFailed, match="Error: the API does not answer"):
        await platform.get_run_history()


# Delegated answers


async def test_an_analysis_is_asked_of_a_fresh_mind(start: Start) -> None:
    driver = start(
        [calls("focused_analysis", prompt="Is it safe?", context="rm -rf", persona="security"),
         calls("complete")],
        beside=says("No."),
    )  # fmt: skip
    end = await driver.step("Look.")
    assert end.success
    assert end.usage.requests == 3
    requests = driver.server.requests  # type: ignore[attr-defined]
    (asked,) = [request for request in requests if not request.get("stream")]
    assert "Look." not in json.dumps(asked)
    assert "weaknesses" in asked["messages"][0]["content"]
    assert asked["messages"][1]["content"] == "Is it safe?\n\n# Context\n\nrm -rf"
    assert 4096 in (asked.get("max_tokens"), asked.get("max_completion_tokens"))
    assert "tools" not in asked
    _, ok, result = driver.tools()[0]
    assert ok
    assert result.startswith("No.\n\n[the model of this session, 110 tokens,")


async def test_research_goes_to_the_model_that_searches(start: Start) -> None:
    driver = start(
        [calls("web_search", query="Newest Django?", focus="technical"), calls("complete")],
        beside=says("5.2 [djangoproject.com]"),
        research_model="scripted/web",
    )
    assert (await driver.step()).success
    requests = driver.server.requests  # type: ignore[attr-defined]
    (asked,) = [request for request in requests if not request.get("stream")]
    assert asked["model"] == "scripted/web"
    assert "name the address of each" in asked["messages"][0]["content"]


async def test_a_delegate_that_fails_is_an_error_to_the_agent(start: Start) -> None:
    driver = start(
        [calls("focused_analysis", prompt="?"), calls("complete")],
        beside=fails(402, "budget_exceeded", "The budget is spent."),
    )
    assert (await driver.step()).success
    _, ok, result = driver.tools()[0]
    assert (ok, "Error: The budget is spent." in result) == (False, True)


async def test_limits_of_an_analysis() -> None:
    tools = AnalysisTools(model=lambda name: TestModel(), usage=RunUsage())
    with pytest.raises(ToolFailed, match="at most 200000"):
        await tools.focused_analysis("x" * 200_001)
    with pytest.raises(ToolFailed, match="query is empty"):
        await tools.web_search(" ")
