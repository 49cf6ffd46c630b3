"""What the box's environment says. Read once, at boot."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from workers.protocol.messages import SessionKind, ThinkingLevel

MUST_COMPLETE: frozenset[SessionKind] = frozenset({"pipeline", "onboarding", "executor"})
DEFAULT_CODE_TIMEOUT_S = 120


class ConfigError(Exception):
    """The environment does not describe a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeConfig:
    session_id: str
    run_id: str
    step_id: str
    attempt: int
    agent_id: str
    kind: SessionKind
    redis_url: str
    api_url: str
    api_socket: str
    token: str
    model: str
    thinking_level: ThinkingLevel
    home: Path
    workspace: Path
    tmp: Path
    inactivity_s: float
    max_nudges: int
    egress_socket: str = ""  # empty: no way out to the network
    egress_port: int = 0
    context_window: int = 0  # tokens; 0: what is known of the model
    code: bool = True  # offer `exec_code`
    code_timeout_s: float = DEFAULT_CODE_TIMEOUT_S
    analysis_model: str = ""  # of `focused_analysis`; empty: the session's own
    research_model: str = ""  # of `web_search`; empty: it is not offered
    secrets: tuple[str, ...] = ()  # names of those that the session may use
    harness: str = ""  # another agent's program that does the work; empty: this runtime
    harness_dir: str = ""  # where it is installed

    @property
    def must_complete(self) -> bool:
        """Whether the agent has to end its work with a completion tool."""
        return self.kind in MUST_COMPLETE


def config_from(env: Mapping[str, str]) -> RuntimeConfig:
    missing = [
        name for name in ("SESSION_ID", "REDIS_URL", "DJINNBOT_API_URL") if not env.get(name)
    ]
    if missing:
        raise ConfigError(f"The environment lacks {', '.join(missing)}.")
    home = Path(env.get("HOME") or "/home/agent")
    kind = env.get("SESSION_KIND", "pipeline")
    thinking = env.get("AGENT_THINKING_LEVEL", "off")
    if kind not in get_args(SessionKind) or thinking not in get_args(ThinkingLevel):
        raise ConfigError("SESSION_KIND or AGENT_THINKING_LEVEL has an unknown value.")
    return RuntimeConfig(
        session_id=env["SESSION_ID"],
        run_id=env.get("RUN_ID", ""),
        step_id=env.get("STEP_ID", ""),
        attempt=int(env.get("ATTEMPT") or 1),
        agent_id=env.get("AGENT_ID", ""),
        kind=kind,  # type: ignore[arg-type]  # checked above
        redis_url=env["REDIS_URL"],
        api_url=env["DJINNBOT_API_URL"].rstrip("/"),
        api_socket=env.get("DJINNBOT_API_SOCKET", ""),
        egress_socket=env.get("DJINNBOT_EGRESS_SOCKET", ""),
        egress_port=int(env.get("DJINNBOT_EGRESS_PORT") or 0),
        token=env.get("DJINNBOT_SESSION_TOKEN", ""),
        model=env.get("AGENT_MODEL", ""),
        thinking_level=thinking,  # type: ignore[arg-type]  # checked above
        home=home,
        workspace=Path(env.get("WORKSPACE_PATH") or home),
        tmp=Path(env.get("TMPDIR") or "/tmp"),  # noqa: S108  the box's own /tmp
        inactivity_s=float(env.get("CHAT_INACTIVITY_TIMEOUT_MS") or 180_000) / 1000,
        max_nudges=int(env.get("MAX_NUDGES") or 3),
        context_window=int(env.get("AGENT_CONTEXT_WINDOW") or 0),
        code=env.get("PTC_ENABLED", "true").lower() not in {"0", "false", "no"},
        code_timeout_s=float(env.get("PTC_TIMEOUT") or DEFAULT_CODE_TIMEOUT_S),
        analysis_model=env.get("FOCUSED_ANALYSIS_MODEL", ""),
        research_model=env.get("RESEARCH_MODEL", ""),
        secrets=tuple(filter(None, env.get("DJINNBOT_SECRETS", "").split(","))),
        harness=env.get("AGENT_HARNESS", ""),
        harness_dir=env.get("AGENT_HARNESS_DIR", ""),
    )
