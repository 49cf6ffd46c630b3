"""A gateway in a real web process, and the scripted model as the provider behind it."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from django.conf import settings
from django.db import connection

from apps.core.ids import new_id
from tests.conftest import database_url
from tests.support.live import Live, LiveProcess, eventually, free_port, live_at, live_environment

CANARY = "sk-canary-7f3a9b2c5d8e1f40"
SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True, slots=True)
class Caller:
    """An agent session's way to the gateway."""

    url: str
    token: str
    session_id: str

    def openai(self, **options: Any) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=f"{self.url}/v1/internal/llm/v1",
            api_key=self.token,
            max_retries=0,
            **options,
        )

    def anthropic(self, **options: Any) -> anthropic.Anthropic:
        return anthropic.Anthropic(
            base_url=f"{self.url}/v1/internal/llm",
            api_key=self.token,
            max_retries=0,
            **options,
        )

    def row(self) -> Any:
        """The row of the session's only call so far, once it has ended."""
        return eventually(lambda: self.rows()[:1], timeout_s=30)[0]  # type: ignore[index]

    def rows(self) -> list[Any]:
        from apps.llm.models import LlmCall

        ended = LlmCall.objects.filter(session_id=self.session_id, ended_at__isnull=False)
        return list(ended.order_by("created_at"))


@dataclass(slots=True)
class Gateway:
    live: Live
    upstream: LiveProcess

    def caller(self, *models: str, run_id: str = "", ttl_s: float = 600) -> Caller:
        from apps.accounts.services import session_token_create

        session_id = new_id("ses")
        token = session_token_create(
            session_id=session_id,
            agent_id="finn",
            run_id=run_id,
            grants={"models": list(models)},
            ttl_s=ttl_s,
        )
        return Caller(self.live.url, token, session_id)

    @property
    def logs(self) -> str:
        return self.live.started["web"].log


def scripted_server(home: Path, log_dir: Path, port: int) -> LiveProcess:
    """`manage.py run_scripted_llm` with the scripts of these tests."""

    def listens(process: LiveProcess) -> bool:
        return "Listening on TCP" in process.log

    environment = live_environment(
        home=home,
        database_url="postgres://nobody@127.0.0.1:1/none",  # it needs none
        redis_url="redis://127.0.0.1:1/0",
        extra={"SECRET_KEY": settings.SECRET_KEY, "DJINNBOT_SCRIPTS_DIR": str(SCRIPTS)},
    )
    command = [sys.executable, "manage.py", "run_scripted_llm", "--port", str(port)]
    return LiveProcess(
        name="scripted-llm",
        command=command,
        environment=environment,
        log_path=log_dir / "scripted-llm.log",
        ready=listens,
    )


@pytest.fixture(scope="module")
def gateway(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """For tests with `django_db(transaction=True)`: what they write is read by other processes."""
    logs = tmp_path_factory.mktemp("gateway")
    home = Path(settings.DJINNBOT_HOME)
    live = live_at(
        live_environment(
            home=home,
            database_url=database_url(str(connection.settings_dict["NAME"])),
            redis_url=settings.REDIS_URL,
            extra={"SECRET_KEY": settings.SECRET_KEY},
        ),
        logs,
    )
    port = free_port()
    with contextlib.closing(live):
        live.started["scripted-llm"] = upstream = scripted_server(home, logs, port)
        upstream.start()
        live.web(_provider_environment(port))
        yield Gateway(live, upstream)


def _provider_environment(port: int) -> Mapping[str, str]:
    return {
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "OPENAI_API_KEY": CANARY,
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}",
        "ANTHROPIC_API_KEY": CANARY,
        "MISTRAL_BASE_URL": "http://127.0.0.1:1/v1",
        "MISTRAL_API_KEY": CANARY,
        "CUSTOM_MY_BOX_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "CUSTOM_MY_BOX_API_KEY": CANARY,
        "CUSTOM_LIMITED_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "CUSTOM_LIMITED_API_KEY": CANARY,
        "DJINNBOT_SCRIPTS_DIR": str(SCRIPTS),
        "LLM_BETWEEN_BYTES_TIMEOUT_S": "2",
        "LLM_FIRST_BYTE_TIMEOUT_S": "20",
    }


@pytest.fixture
def caller(gateway: Gateway) -> Callable[..., Caller]:
    return gateway.caller
