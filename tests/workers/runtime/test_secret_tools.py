"""Tools for secrets: offered when there are some, used for one command, never shown."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic_ai import ToolFailed
from pydantic_ai.models.test import TestModel
from pydantic_ai.usage import RunUsage

from tests.support.model_server import ModelServer, calls
from tests.workers.runtime.conftest import Driver, Start
from workers.protocol.masking import Masker
from workers.protocol.messages import Stdout, ToolEnd, ToolStart
from workers.runtime.api import Api
from workers.runtime.config import config_from
from workers.runtime.masked import message_masked
from workers.runtime.tools.analysis import AnalysisTools
from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.platform import PlatformTools
from workers.runtime.tools.registry import Choice, ToolBox
from workers.runtime.tools.secrets import SecretTools

VALUE = "marker-Zq7wRt41-0f9c2d"
FILE = "the-only-line-of-this-file"
SECRET_TOOLS = {"get_secret", "run_with_secrets", "get_totp_code"}


class SecretApi:
    """The routes as the platform has them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.revoked = False
        self.codes_used = 0  # so many times the code is taken
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                api.asked.append(("GET", parts.path, parse_qs(parts.query)))
                if not parts.path.endswith("/env"):
                    self._answer(200, [] if api.revoked else [LISTED])
                elif api.revoked:
                    self._refuse(403, "secret_not_granted", "Not granted to this session: TOKEN.")
                else:
                    self._answer(200, INJECTED)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                api.asked.append(("POST", self.path, body))
                if self.path.endswith("/knowledge"):
                    self._answer(201, {"id": 1})
                elif self.path.endswith("/reveal"):
                    self._answer(200, {"values": {"TOKEN": VALUE}})
                elif api.codes_used:
                    api.codes_used -= 1
                    self._refuse(409, "totp_code_used", "Given out already.", retry_after=0.05)
                else:
                    self._answer(200, {"code": "123456", "expires_in": 12})

            def _refuse(self, status: int, code: str, detail: str, **more: Any) -> None:
                self._answer(status, {"code": code, "detail": detail, **more})

            def _answer(self, status: int, body: Any) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


LISTED = {
    "env_key": "TOKEN", "name": "Deploy token", "type": "env", "description": "For deploys",
    "username": "", "url": "", "has_totp": True, "may_reveal": False,
}  # fmt: skip
INJECTED = {
    "env": {"TOKEN": VALUE, "SITE_USERNAME": "ada-lovelace", "SITE_PASSWORD": "pass-word-9"},
    "files": [
        {
            "env_key": "CONF",
            "name": "app.conf",
            "content_base64": base64.b64encode(FILE.encode()).decode(),
        }
    ],
}


@pytest.fixture
def api() -> Iterator[SecretApi]:
    made = SecretApi()
    yield made
    made.server.shutdown()
    made.server.server_close()


def tools_of(context: ToolContext, api: SecretApi, *names: str) -> SecretTools:
    config = config_from(
        {
            "SESSION_ID": "s",
            "REDIS_URL": "redis://nowhere",
            "DJINNBOT_API_URL": f"http://127.0.0.1:{api.server.server_port}",
            "DJINNBOT_SESSION_TOKEN": "dst_test",
        }
    )
    client = Api(config, context.masker)
    return SecretTools(context, client, agent_id="yukihiro", names=names)


@pytest.fixture
def context(tmp_path: Any) -> ToolContext:
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    return ToolContext(
        workspace=home / "work", home=home, tmp=tmp_path / "tmp", output=lambda text: None
    )


def box(context: ToolContext, secrets: SecretTools, **choice: Any) -> ToolBox:
    model = TestModel()
    analysis = AnalysisTools(model=lambda name: model, usage=RunUsage())
    platform = PlatformTools(api=secrets._api, run_id="run_1", agent_id="yukihiro")
    return ToolBox(
        context=context,
        choice=Choice(**choice),
        analysis=analysis,
        platform=platform,
        secrets=secrets,
    )


def test_they_are_offered_only_with_secrets(context: ToolContext, api: SecretApi) -> None:
    none = {tool.name for tool in box(context, tools_of(context, api)).tools}
    assert not none & SECRET_TOOLS
    some = {tool.name for tool in box(context, tools_of(context, api, "TOKEN")).tools}
    assert some >= SECRET_TOOLS
    strict: dict[str, Any] = {
        "mode": "strict",
        "listed": ["read", "get_secret", "run_with_secrets"],
    }
    narrow = {tool.name for tool in box(context, tools_of(context, api, "TOKEN"), **strict).tools}
    assert narrow & SECRET_TOOLS == {"get_secret"}  # no command without bash


async def test_a_command_gets_them_and_only_it(context: ToolContext, api: SecretApi) -> None:
    secrets = tools_of(context, api, "TOKEN", "CONF", "SITE")
    made = box(context, secrets)
    command = 'echo "$TOKEN" "$SITE_USERNAME" "$SITE_PASSWORD"; cat "$CONF"; stat -c %a "$CONF"'
    arguments = {"command": f"{command}; echo $CONF > path", "secrets": ["TOKEN", "CONF", "SITE"]}
    result = await made.call("run_with_secrets", arguments)
    assert result == "*** ada-lovelace ***\n***600\n[exit code 0]"
    assert api.asked[-1][2] == {"keys": ["TOKEN,CONF,SITE"]}
    assert not list(context.tmp.glob("secrets-*"))
    after = await made.call("bash", {"command": 'echo "[$TOKEN]"; cat "$(cat path)"; true'})
    assert after.startswith("[]\n")
    assert "No such file" in after
    # What it kept is masked in whatever tool brings it back.
    await made.call("run_with_secrets", {"command": "echo $TOKEN > kept", "secrets": ["TOKEN"]})
    assert await made.call("read", {"path": "kept"}) == "***\n"
    assert VALUE in (context.workspace / "kept").read_text()
    with pytest.raises(ToolFailed) as failed:
        await made.call("bash", {"command": "base64 kept; exit 3"})
    assert VALUE not in failed.value.message
    assert "***" in failed.value.message


async def test_a_grant_that_ended_is_the_tools_answer(context: ToolContext, api: SecretApi) -> None:
    made = box(context, tools_of(context, api, "TOKEN"))
    api.revoked = True
    with pytest.raises(ToolFailed, match="Not granted to this session"):
        await made.call("run_with_secrets", {"command": "true", "secrets": ["TOKEN"]})
    assert "no secret is granted" in await made.call("get_secret", {})


async def test_the_list_tells_what_each_is_for(context: ToolContext, api: SecretApi) -> None:
    told = await box(context, tools_of(context, api, "TOKEN")).call("get_secret", {})
    assert told == "- TOKEN: env; Deploy token; For deploys; one-time codes by get_totp_code"


async def test_a_used_code_is_waited_out(context: ToolContext, api: SecretApi) -> None:
    api.codes_used = 2
    made = box(context, tools_of(context, api, "TOKEN"))
    assert (await made.call("get_totp_code", {"key": "TOKEN"})).startswith("123456 ")
    api.codes_used = 3
    with pytest.raises(ToolFailed, match="Others took"):
        await made.call("get_totp_code", {"key": "TOKEN"})


async def test_what_is_told_to_others_is_masked(context: ToolContext, api: SecretApi) -> None:
    made = box(context, tools_of(context, api, "TOKEN"))
    assert await made.call("get_secret", {"keys": ["TOKEN"]}) == f"TOKEN={VALUE}"  # it may see it
    await made.call("share_knowledge", {"category": "issue", "content": f"It is {VALUE}."})
    assert api.asked[-1][2]["content"] == "It is ***."


def test_messages_are_masked_and_their_ids_kept() -> None:
    masker = Masker([VALUE])
    start = ToolStart(request_id="r1", tool_name="bash", args=json.dumps({"command": VALUE}))
    assert message_masked(start, masker).args == '{"command": "***"}'  # type: ignore[attr-defined]
    plain = Stdout(request_id="r1", data="nothing", source="tool")
    assert message_masked(plain, masker) is plain


async def test_a_session_streams_no_value_not_even_in_two_pieces(start: Start) -> None:
    halves = 'printf %s "${TOKEN:0:9}"; sleep 0.2; printf "%s\\n" "${TOKEN:9}"; cat "$CONF"'
    driver: Driver = start(
        [
            calls("run_with_secrets", command=halves, secrets=["TOKEN", "CONF"]),
            calls("complete", outputs={"result": f"{VALUE} is it"}, summary=VALUE),
        ],
        secrets=("TOKEN", "CONF"),
    )
    server: ModelServer = driver.server  # type: ignore[attr-defined]  # set by the fixture
    server.gets["/v1/secrets/agents/yukihiro/env"] = INJECTED
    end = await driver.step(outputs=["result"])
    assert end.success, end
    assert end.outputs == {"result": "*** is it"}
    assert driver.said("tool") == "***\n***"
    assert driver.messages(ToolEnd)[0].result.startswith("***\n***")
    raw = json.dumps([envelope.message.model_dump() for envelope in driver.read()])
    for piece in (VALUE, VALUE[:9], VALUE[9:], FILE, "pass-word-9"):
        assert piece not in raw
