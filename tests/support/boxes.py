"""Boxes for tests: each backend, and proof that nothing of a box is left."""

import contextlib
import hashlib
import os
import subprocess
from pathlib import Path

import psutil
import pytest
import redis

from workers.runners.cgroups import cgroup_of
from workers.runners.launcher import shared_launcher

BACKENDS = [
    pytest.param("docker", marks=pytest.mark.docker),
    pytest.param("bubblewrap", marks=pytest.mark.bubblewrap),
    "process",
]
ISOLATED = BACKENDS[:2]
IMAGE = os.environ.get("DJINNBOT_TEST_IMAGE", "djinnbot-agent:slim")
_BUILD = Path(__file__).resolve().parents[2] / "compose" / "agent" / "build.sh"


def image_ready(*, harness: str = "") -> str:
    """The agent image, made anew when its inputs have changed (a moment when they have not);
    with the program of another agent in it, if one is named."""
    name = f"{IMAGE}-harness" if harness else IMAGE
    environment = {**os.environ, "HARNESS": harness}
    done = subprocess.run(
        [str(_BUILD), name], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return name


def processes_of(name: str) -> list[int]:
    """Processes of this host whose environment or command line names the box."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        for file in ("environ", "cmdline"):
            try:
                if name.encode() in Path("/proc", entry, file).read_bytes():
                    found.append(int(entry))
                    break
            except OSError:
                continue
    return found


def kept_by_launcher() -> list[psutil.Process]:
    """What this process's launcher keeps. A warm runtime bears no name that one could look for."""
    process = shared_launcher._process
    return psutil.Process(process.pid).children(recursive=True) if process else []


def mounts_of(name: str) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if name in line]


def cgroups_of(name: str) -> list[str]:
    found: list[str] = []
    for directory, names, _ in os.walk("/sys/fs/cgroup"):
        found += [f"{directory}/{entry}" for entry in names if name in entry]
    return found


def remove_boxes_of(home: Path) -> None:
    """What a platform that was killed has left: containers outlive it, and cgroups stay."""
    for directory in (home / "boxes").glob("*"):
        group = cgroup_of(directory.name)
        if group is not None:
            group.kill()
            group.remove()
    label = f"label=instance={hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
    command = ["docker", "ps", "--all", "--quiet", "--filter", label]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        found = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        if ids := found.stdout.split():
            subprocess.run(["docker", "rm", "--force", *ids], capture_output=True, timeout=60)


def accounts_of(client: redis.Redis, session_id: str) -> list[str]:
    return [str(user) for user in client.acl_users() if session_id in str(user)]
