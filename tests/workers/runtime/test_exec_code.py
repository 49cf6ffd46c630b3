"""Code that calls tools: its functions, its calls, its limits, what comes back."""

import asyncio
import contextlib
import http.client
import json
import keyword
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_ai import ToolFailed
from pydantic_ai.models.test import TestModel
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import RunUsage

from tests.support.model_server import calls
from tests.workers.runtime.conftest import Driver, Start
from workers.protocol.messages import Abort, AgentStep, ToolEnd, ToolStart
from workers.runtime.code.sdk import functions_of, module_source
from workers.runtime.code.server import CallServer
from workers.runtime.code.tool import DESCRIPTION
from workers.runtime.tools.analysis import AnalysisTools
from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.platform import PlatformTools
from workers.runtime.tools.registry import Choice, ToolBox
from workers.runtime.tools.secrets import SecretTools

STR, INT = {"type": "string"}, {"type": "integer"}


def tool(
    name: str, required: dict[str, Any], /, about: str = "", **optional: Any
) -> ToolDefinition:
    return ToolDefinition(
        name=name,
        description=f"Do what {name.replace('_', ' ')} says, for this project and this agent.",
        parameters_json_schema={
            "type": "object",
            "properties": {**required, **optional},
            "required": list(required),
        },
    )


def enum(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


# As many tools as a full session has, by their published arguments.
MORE_TOOLS = [
    tool("checkpoint", {"workingOn": STR}, focus=STR, decisions={"type": "array", "items": STR}),
    tool("message_agent", {"to": STR, "message": STR},
         priority={**enum("low", "normal", "high", "urgent"), "default": "normal"}),
    tool("wake_agent", {"to": STR, "message": STR,
                        "reason": enum("user_request", "blocker", "critical_finding")}),
    tool("acquire_work_lock", {"key": STR, "description": STR}, ttlSeconds=INT),
    tool("release_work_lock", {"key": STR}),
    tool("get_github_token", {"repo": STR}),
    tool("get_secret", {}, keys={"type": "array", "items": STR}),
    tool("remember", {"type": STR, "title": STR, "content": STR}, shared={"type": "boolean"}),
    tool("recall", {"query": STR}, scope=STR, budget={**INT, "default": 2000}),
    tool("context_query", {"task": STR}, profile=STR, budget=INT, maxHops=INT),
    tool("graph_query", {"action": STR}, nodeId=STR, query=STR, maxHops=INT),
    tool("link_memory", {"fromId": STR, "toId": STR, "relationType": STR}),
    tool("get_ready_tasks", {"projectId": STR}),
    tool("create_task", {"projectId": STR, "title": STR}, description=STR, priority=STR),
    tool("claim_task", {"projectId": STR, "taskId": STR}),
    tool("transition_task", {"projectId": STR, "taskId": STR, "status": STR}, note=STR),
    tool("open_pull_request", {"projectId": STR, "taskId": STR, "title": STR}, body=STR),
    tool("load_skill", {"name": STR}),
]  # fmt: skip

PLATFORM = PlatformTools(api=cast(Any, None), run_id="run_1", agent_id="yukihiro")


def box(context: ToolContext) -> ToolBox:
    model = TestModel()
    analysis = AnalysisTools(model=lambda name: model, usage=RunUsage(), research_model="x/y")
    secrets = SecretTools(context, cast(Any, None), agent_id="yukihiro", names=())
    return ToolBox(
        context=context, choice=Choice(), analysis=analysis, platform=PLATFORM, secrets=secrets
    )


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(workspace=tmp_path, home=tmp_path, tmp=tmp_path, output=lambda text: None)


# Functions


# Measured with the tokenizer cl100k_base on the very text below: 3.8 characters a token. That
# tokenizer must be fetched, so the tests count with a margin.
CHARS_PER_TOKEN = 3.5


def test_the_schemas_of_thirty_tools_take_at_most_1500_tokens(context: ToolContext) -> None:
    tools = box(context)
    inside = [*tools.callable_by_code(), *MORE_TOOLS]
    assert len(inside) == 30
    shown = tools.shown()
    assert shown is not None
    direct = [item.tool_def for item in tools.tools if item.name in shown]
    assert {item.name for item in direct} == {"exec_code", "complete", "fail"}
    lines = "\n".join(function.line() for function in functions_of(inside))
    text = DESCRIPTION.format(functions=lines)
    for definition in direct:
        text += definition.name + json.dumps(definition.parameters_json_schema)
        text += "" if definition.name == "exec_code" else definition.description or ""
    whole = "".join(
        item.name + (item.description or "") + json.dumps(item.parameters_json_schema)
        for item in [*inside, *direct]
    )
    assert len(text) / CHARS_PER_TOKEN <= 1500, len(text)
    assert len(text) < len(whole) / 2


def test_a_line_says_what_is_needed(context: ToolContext) -> None:
    lines = {f.name: f.line() for f in functions_of(box(context).callable_by_code())}
    assert lines["grep"].startswith(
        "grep(pattern: str, path='.', glob='', ignore_case=False, literal=False, context=0, "
        "limit=100)  # Search file contents"
    )
    assert "edits: list[{oldText?: str, newText?: str, replaceAll?: bool}]" in lines["multiedit"]
    assert "persona: 'analyst'|'security'|" in lines["focused_analysis"]
    assert all(len(line.partition("  # ")[2]) <= 60 for line in lines.values())


def test_names_become_python() -> None:
    made = functions_of(
        [
            tool("server__list-things", {"from": STR, "type": STR, "maxHops": INT, "2nd": STR}),
            tool("print", {}),
            tool("server__list_things", {}),
        ]
    )
    assert [function.name for function in made] == [
        "server__list_things", "print_", "server__list_things_2",
    ]  # fmt: skip
    assert [parameter.name for parameter in made[0].parameters] == [
        "from_", "type_", "max_hops", "_2nd",
    ]  # fmt: skip


SCHEMAS = st.recursive(
    st.sampled_from(
        [STR, INT, {"type": "number"}, {"type": "boolean"}, {}, enum("a", "b"), {"const": 3}]
    ),
    lambda inner: st.one_of(
        inner.map(lambda item: {"type": "array", "items": item}),
        st.dictionaries(st.sampled_from(["x", "y-z"]), inner).map(
            lambda keys: {"type": "object", "properties": keys}
        ),
        st.lists(inner, min_size=1, max_size=2).map(lambda items: {"anyOf": items}),
    ),
    max_leaves=4,
)
NAMES = st.sampled_from([*keyword.kwlist[:6], "type", "toId", "a-b", "a_b", "9", "ü", "", "print"])
VALUES = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, st.tuples(SCHEMAS, st.booleans()), max_size=5), st.data())
def test_what_code_passes_is_what_the_tool_gets(
    properties: dict[str, tuple[dict[str, Any], bool]], data: st.DataObject
) -> None:
    required = [name for name, (_, needed) in properties.items() if needed]
    definition = ToolDefinition(
        name="any-tool",
        description='Says """things"""\\ and more.',
        parameters_json_schema={
            "type": "object",
            "properties": {name: schema for name, (schema, _) in properties.items()},
            "required": required,
        },
    )
    (function,) = functions_of([definition])
    namespace: dict[str, Any] = {}
    exec(module_source([function], port=1, key="k"), namespace)  # noqa: S102  what it is for
    got: list[Any] = []
    namespace["_call"] = lambda name, values, optional: got.append(
        (name, {k: v for k, v in values.items() if not (v is None and k in optional)})
    )
    given_values = {p.key: data.draw(VALUES) for p in function.parameters if p.required}
    arguments = {p.name: given_values[p.key] for p in function.parameters if p.required}
    namespace[function.name](**arguments)
    assert got == [("any-tool", given_values)]


# The port


@pytest_asyncio.fixture
async def server() -> AsyncIterator[CallServer]:
    async def call(name: str, arguments: dict[str, Any]) -> Any:
        if name == "broken":
            raise ToolFailed("It is broken.")
        return {"name": name, **arguments}

    made = CallServer(call)
    yield made
    made.close()


async def post(server: CallServer, path: str, body: str, key: str | None = None) -> tuple[int, str]:
    def ask() -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        headers = {"x-djinnbot-key": server.key if key is None else key}
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    return await asyncio.to_thread(ask)


async def test_the_port_answers_its_own_code_only(server: CallServer) -> None:
    assert await post(server, "/tool/t", '{"a": 1}') == (200, '{"name": "t", "a": 1}')
    for key in ("", "wrong", server.key[:-1]):
        assert (await post(server, "/tool/t", "{}", key))[0] == 403
    assert (await post(server, "/tool/t", "{nope"))[0] == 400
    assert (await post(server, "/tool/t", "[]"))[0] == 400
    status, text = await post(server, "/tool/broken", "{}")
    assert (status, text) == (500, "Error calling broken: It is broken.")


async def test_calls_of_code_that_ended_end_too() -> None:
    begun = asyncio.Event()

    async def slow(_name: str, _arguments: dict[str, Any]) -> None:
        begun.set()
        await asyncio.sleep(120)

    with contextlib.closing(CallServer(slow)) as server:
        waiting = asyncio.create_task(post(server, "/tool/slow", "{}"))
        async with asyncio.timeout(30):
            await begun.wait()
            server.cancel_calls()
            status, text = await waiting
    assert (status, "stopped" in text) == (500, True)


# In a session


async def run(driver: Driver) -> tuple[bool, str]:
    assert (await driver.step(wait_s=40)).success
    ((ok, result),) = [(e.success, e.result) for e in ends(driver, via_code=False)][:1]
    return ok, result


def ends(driver: Driver, *, via_code: bool) -> list[ToolEnd]:
    return [end for end in driver.messages(ToolEnd) if end.via_code is via_code]


async def test_code_calls_tools_and_prints(start: Start) -> None:
    code = """
for n in range(3):
    write(path=f"f{n}.txt", content="x" * n)
names = ls().split()
print(names, len(read("f2.txt")))
try:
    read("missing.txt")
except ToolError as error:
    print(error)
"""
    driver = start([calls("exec_code", code=code), calls("complete")])
    ok, result = await run(driver)
    assert ok
    assert result == (
        "['f0.txt', 'f1.txt', 'f2.txt'] 2\nError calling read: missing.txt does not exist."
    )
    assert driver.said("tool").startswith("['f0.txt'")
    inner = ends(driver, via_code=True)
    assert [end.tool_name for end in inner] == ["write", "write", "write", "ls", "read", "read"]
    assert [end.success for end in inner] == [True] * 5 + [False]
    outer = next(start for start in driver.messages(ToolStart) if not start.via_code)
    assert [end.tool_call_id for end in inner][:2] == [
        f"{outer.tool_call_id}:1", f"{outer.tool_call_id}:2",
    ]  # fmt: skip
    second = driver.server.requests[1]["messages"][-1]  # type: ignore[attr-defined]
    assert second["role"] == "tool"
    assert "f0.txt" in second["content"]


async def test_an_error_comes_back_with_the_codes_own_lines(start: Start) -> None:
    driver = start(
        [calls("exec_code", code="print('before')\nx = 1\nraise ValueError(x)"), calls("complete")]
    )
    ok, result = await run(driver)
    assert not ok
    assert result.startswith("before\nTraceback")
    assert 'File "<code>", line 3' in result
    assert "raise ValueError(x)" in result
    assert "run.py" not in result
    assert result.endswith("ValueError: 1\n[exit code 1]")


async def test_wrong_calls_are_told(start: Start) -> None:
    code = """
for call in (lambda: read(), lambda: read(path=3), lambda: complete()):
    try:
        call()
    except Exception as error:
        print(type(error).__name__, error)
"""
    driver = start([calls("exec_code", code=code), calls("complete")])
    ok, result = await run(driver)
    assert ok
    lines = result.splitlines()
    assert lines[0].startswith("TypeError")
    assert lines[1].startswith("ToolError Error calling read: path: Input should be a valid string")
    assert lines[2].startswith("NameError")


async def test_long_output_is_kept_in_a_file(start: Start) -> None:
    code = "for n in range(30000): print('line', n)"
    driver = start([calls("exec_code", code=code), calls("complete")])
    assert (await driver.step(wait_s=40)).success
    told = driver.server.requests[1]["messages"][-1]["content"]  # type: ignore[attr-defined]
    assert len(told) < 52_000
    assert told.endswith("line 29999")
    path = told.partition("the full text is in ")[2].partition(". Its end")[0]
    assert Path(path).read_text().startswith("line 0\n")


async def test_code_that_takes_too_long_is_killed_with_what_it_started(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("workers.runtime.code.tool.MIN_TIMEOUT_S", 0.5)
    marker = tmp_path / "alive"
    code = f"""
import subprocess
subprocess.Popen(["bash", "-c", "while true; do date > {marker}; sleep 0.1; done"])
print("begun")
bash("sleep 60")
"""
    driver = start([calls("exec_code", code=code, timeout=3), calls("complete")])
    ok, result = await run(driver)
    assert not ok
    assert result == "begun\n[Killed: the code ran longer than 3 seconds.]"
    marker.unlink(missing_ok=True)
    await asyncio.sleep(0.4)
    assert not marker.exists()
    (inner,) = ends(driver, via_code=True)
    assert (inner.tool_name, inner.success) == ("bash", False)


async def test_abort_ends_code_and_the_command_it_called(start: Start, tmp_path: Path) -> None:
    marker = tmp_path / "alive"
    loop = f"while true; do date > {marker}; sleep 0.1; done"
    driver = start([calls("exec_code", code=f"bash({loop!r})")])
    driver.send(AgentStep(request_id="r1", prompt="go"))
    await driver.until(marker.exists)
    driver.send(Abort(request_id="r1"))
    assert (await driver.end_of("r1")).error_code == "cancelled"
    marker.unlink(missing_ok=True)
    await asyncio.sleep(0.4)
    assert not marker.exists()


async def test_a_tool_that_is_not_shown_may_still_be_called(start: Start) -> None:
    driver = start([calls("write", path="a.txt", content="x"), calls("complete")])
    assert (await driver.step()).success
    assert (driver.config.workspace / "a.txt").read_text() == "x"


async def test_without_bash_there_is_no_code(start: Start) -> None:
    driver = start([calls("complete")])
    await driver.step(tools=["read", "grep"])
    offered = driver.server.requests[0]["tools"]  # type: ignore[attr-defined]
    assert {tool["function"]["name"] for tool in offered} == {
        "read", "grep", "focused_analysis", "get_run_history", "share_knowledge", "complete",
        "fail",
    }  # fmt: skip


async def test_an_image_read_by_code_is_shown(start: Start) -> None:
    driver = start(
        [calls("exec_code", code="print(read('dot.png'))"), calls("complete")],
        model="scripted/vision",
    )
    (driver.config.workspace / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n....")
    assert (await driver.step()).success
    sent = json.dumps(driver.server.requests[1]["messages"])  # type: ignore[attr-defined]
    assert "Image dot.png" in sent
    assert "data:image/png;base64," in sent
