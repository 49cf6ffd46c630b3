"""The box of a session: where it runs, and what it sees."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from apps.agents.selectors import agent_find
from apps.core.errors import DjinnError, Invalid
from apps.pipelines import resolve
from apps.repos.git import COMMITTER, Person
from apps.repos.models import Workspace
from apps.repos.services import (
    agent_person,
    box_user,
    workspace_git_mounts,
    workspace_hand_over,
)
from workers.engine.channel import SessionChannel
from workers.engine.executor import ClaimedStep
from workers.engine.harness import harness_plan
from workers.protocol.sockets import API_SOCKET, REDIS_SOCKET
from workers.runners.base import (
    APP,
    LABEL_APP,
    LABEL_INSTANCE,
    LABEL_SESSION,
    NAME_PREFIX,
    BoxSpec,
    Limits,
    Mount,
    Network,
    Runner,
)
from workers.runners.docker import image_fetch
from workers.runners.registry import Choice, choose

log = structlog.get_logger(__name__)

HOME = "/home/agent"
WORKSPACE = f"{HOME}/run-workspace"
_REDIS_DIR = "/run/djinnbot/redis"
_API_DIR = "/run/djinnbot/api"
_EGRESS_DIR = "/run/djinnbot/egress"
_EGRESS_PORT = 3128  # of the box's own loopback


@cache
def chosen() -> Choice:
    """The runner of this worker. Raises RunnerUnavailable, and asks again the next time."""
    choice = choose(settings.RUNNER, boxes_dir=settings.BOXES_DIR, image=settings.AGENT_IMAGE)
    log.info("boxes", runner=choice.runner.name, reason=choice.reason)
    return choice


def warm_up() -> None:
    """Choose the runner and get it ready, before the first step asks for it."""
    if settings.RUNNER in {"auto", "docker"}:
        try:
            image_fetch(settings.AGENT_IMAGE)
        except DjinnError as exc:
            log.warning("the agent image is not here", error=exc.message)
    try:
        runner = chosen().runner
        runner.warm(_like_every_box(), settings.WARM_BOXES)
    except DjinnError as exc:
        log.warning("no box can be made at present", error=exc.message)


def _like_every_box() -> BoxSpec:
    """What the boxes of all sessions have in common."""
    uid, gid = box_user()
    return BoxSpec(
        name="",
        image=settings.AGENT_IMAGE,
        limits=_limits(),
        labels={LABEL_APP: APP, LABEL_INSTANCE: instance()},
        network=_network(),
        uid=uid,
        gid=gid,
    )


def _limits() -> Limits:
    return Limits(
        memory_mb=settings.BOX_MEMORY_MB,
        cpus=settings.BOX_CPUS,
        pids=settings.BOX_PIDS,
        shm_mb=settings.BOX_SHM_MB,
        disk_mb=settings.BOX_DISK_MB,
    )


def instance() -> str:
    """Names this install on a host that several share: a hash of its data directory."""
    return hashlib.sha256(str(settings.DATA_ROOT).encode()).hexdigest()[:12]


def box_name(session_id: str) -> str:
    return f"{NAME_PREFIX}{session_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A box to be made: its spec, and the paths by which the agent knows its places."""

    spec: BoxSpec
    home: str
    workspace: str


def plan_box(
    step: ClaimedStep,
    *,
    runner: Runner,
    session_id: str,
    token: str,
    channel: SessionChannel,
    workspace: Workspace | None,
    secret_keys: Sequence[str] = (),
) -> Plan:
    """What the box of this step is made of. Its directories exist, and are the box user's."""
    uid, gid = box_user()
    name = box_name(session_id)
    places = _places(step, _agent_home(step.agent_id, uid, gid))
    mounts, home, place = list(places), places[0], places[-1]
    if workspace is not None:
        workspace_hand_over(workspace, uid, gid)
        mounts += [
            Mount(source=mount.path, target=str(mount.path), read_only=mount.read_only)
            for mount in workspace_git_mounts(workspace)
        ]
    harness_env, harness_mounts = harness_plan(step, runner)
    reach, sockets = _ways_out(runner, channel)
    env = {
        **_identity(step, session_id),
        **_git(agent_author(step.agent_id)),
        **_installs(runner.seen(home)),
        **reach,
        **harness_env,
        "DJINNBOT_SESSION_TOKEN": token,
        "DJINNBOT_SECRETS": ",".join(secret_keys),  # their names; values are asked for at use
        "HOME": runner.seen(home),
        "TMPDIR": runner.tmp(name),
        "WORKSPACE_PATH": runner.seen(place),
    }
    spec = BoxSpec(
        name=name,
        image=settings.AGENT_IMAGE,
        env=env,
        mounts=(*mounts, *harness_mounts, *sockets),
        workdir=runner.seen(place),
        limits=_limits(),
        labels=_labels(step, session_id),
        network=_network(),
        uid=uid,
        gid=gid,
    )
    return Plan(spec=spec, home=runner.seen(home), workspace=runner.seen(place))


def box_places(step: ClaimedStep) -> BoxSpec:
    """Of a box that an earlier worker has made: what it writes to, and how much it may."""
    home = settings.DATA_ROOT / "sandboxes" / step.agent_id
    return BoxSpec(name=box_name(step.session_id), mounts=_places(step, home), limits=_limits())


def _places(step: ClaimedStep, home: Path) -> Sequence[Mount]:
    """The agent's home, and last where it works: the run's directory, if there is one."""
    quota = settings.SANDBOX_QUOTA_MB * 2**20 or None
    mounts = [Mount(source=home, target=HOME, read_only=False, quota_bytes=quota)]
    if step.workspace_path:
        mounts.append(Mount(source=Path(step.workspace_path), target=WORKSPACE, read_only=False))
    return mounts


def _identity(step: ClaimedStep, session_id: str) -> dict[str, str]:
    return {
        "SESSION_ID": session_id,
        "RUN_ID": step.run_id,
        "STEP_ID": step.step_id,
        "ATTEMPT": str(step.attempt),
        "AGENT_ID": step.agent_id,
        "SESSION_KIND": "pipeline",
        "AGENT_MODEL": step.model,
        "AGENT_THINKING_LEVEL": resolve.thinking_level(step.pipeline, step.step),
        "STEP_TIMEOUT_MS": str(step.timeout_s * 1000),
        "CHAT_INACTIVITY_TIMEOUT_MS": str(int(settings.AGENT_INACTIVITY_S * 1000)),
        "MAX_NUDGES": str(settings.MAX_NUDGES),
        "PTC_ENABLED": str(settings.PTC_ENABLED).lower(),
        "PTC_TIMEOUT": str(settings.PTC_TIMEOUT_S),
        "AGENT_CONTEXT_WINDOW": str(settings.AGENT_CONTEXT_WINDOW),
        "FOCUSED_ANALYSIS_MODEL": settings.FOCUSED_ANALYSIS_MODEL,
        "RESEARCH_MODEL": settings.RESEARCH_MODEL,
    }


def _git(author: Person) -> dict[str, str]:
    return {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_COMMITTER_NAME": COMMITTER.name,
        "GIT_COMMITTER_EMAIL": COMMITTER.email,
        "GIT_TERMINAL_PROMPT": "0",
        # The mirror's objects belong to the platform's user, not to the box's.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }


def _installs(home: str) -> dict[str, str]:
    """Where package managers put programs: in the agent's home, so that they last."""
    local = f"{home}/.local"
    return {
        "NPM_CONFIG_PREFIX": local,
        "GOPATH": f"{local}/go",
        "GOBIN": f"{local}/bin",
        "CARGO_HOME": f"{local}/cargo",
        "CARGO_INSTALL_ROOT": local,
        "PIP_BREAK_SYSTEM_PACKAGES": "1",  # it installs for the user only
    }


def _labels(step: ClaimedStep, session_id: str) -> dict[str, str]:
    return {
        LABEL_APP: APP,
        LABEL_INSTANCE: instance(),
        LABEL_SESSION: session_id,
        "exec": str(step.execution_id),
        "attempt": str(step.attempt),
        "agent": step.agent_id,
    }


def _redis_socket() -> Path | None:
    parts = urlsplit(settings.REDIS_URL)
    return Path(parts.path) if parts.scheme == "unix" else _relayed(REDIS_SOCKET)


def _api_socket() -> Path | None:
    return Path(settings.API_SOCKET) if settings.API_SOCKET else _relayed(API_SOCKET)


def _relayed(name: str) -> Path | None:
    """The egress process lends a socket to a server that has none."""
    return Path(settings.EGRESS_SOCKET).with_name(name) if settings.EGRESS_SOCKET else None


def _network() -> Network:
    """No network where Unix sockets lead to Redis and the API; else the host's."""
    return Network.NONE if _redis_socket() and _api_socket() else Network.HOST


def _ways_out(runner: Runner, channel: SessionChannel) -> tuple[dict[str, str], list[Mount]]:
    """How the box reaches Redis and the API. Directories are mounted, so that a server that was
    started anew, with a new socket, is still there."""
    env = {"DJINNBOT_API_URL": settings.BASE_URL, "REDIS_URL": channel.box_url()}
    mounts = []
    if redis := _redis_socket():
        mount = Mount(source=redis.parent, target=_REDIS_DIR)
        mounts.append(mount)
        env["REDIS_URL"] = channel.box_url(f"{runner.seen(mount)}/{redis.name}")
    if api := _api_socket():
        mount = Mount(source=api.parent, target=_API_DIR)
        mounts.append(mount)
        env["DJINNBOT_API_SOCKET"] = f"{runner.seen(mount)}/{api.name}"
        # TLS ends at the proxy in front, which the socket goes past; the name stays the server's.
        env["DJINNBOT_API_URL"] = urlsplit(settings.BASE_URL)._replace(scheme="http").geturl()
    if settings.EGRESS_SOCKET and runner.isolated and _network() is Network.NONE:
        egress = Path(settings.EGRESS_SOCKET)
        mounts.append(Mount(source=egress.parent, target=_EGRESS_DIR))
        env |= {"DJINNBOT_EGRESS_SOCKET": f"{_EGRESS_DIR}/{egress.name}", **_proxied()}
    return env, mounts


def _proxied() -> dict[str, str]:
    """What tools go by; curl and git read the small names, others the large ones."""
    proxy = f"http://127.0.0.1:{_EGRESS_PORT}"
    small = {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": "127.0.0.1,localhost,::1"}
    return {
        **small,
        **{name.upper(): value for name, value in small.items()},
        "NODE_USE_ENV_PROXY": "1",
        "DJINNBOT_EGRESS_PORT": str(_EGRESS_PORT),
    }


def _agent_home(agent_id: str, uid: int, gid: int) -> Path:
    """The agent's own directory, which outlives its sessions."""
    if not agent_id or agent_id in {".", ".."} or "/" in agent_id or "\0" in agent_id:
        raise Invalid(f"{agent_id!r} cannot be the name of a directory.", code="agent_unknown")
    sandboxes = settings.DATA_ROOT / "sandboxes"
    sandboxes.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = Path(sandboxes, agent_id)
    if not home.exists():
        home.mkdir(mode=0o755, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(home, uid, gid, follow_symlinks=False)
    return home


def agent_author(agent_id: str) -> Person:
    """The agent as the author of its commits, by its name."""
    agent = agent_find(agent_id)
    return agent_person(agent_id, agent.name if agent is not None else "")
