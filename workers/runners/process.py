"""The last resort: a bare process in a directory of its own. Nothing isolates it; we say so."""

import os
import sys
from pathlib import Path
from typing import ClassVar

from workers.protocol.launch import Launch
from workers.runners.base import BackendName, BoxSpec, Mount
from workers.runners.cgroups import BoxCgroup
from workers.runners.local import LocalRunner


class ProcessRunner(LocalRunner):
    name: ClassVar[BackendName] = "process"
    isolated: ClassVar[bool] = False

    def unavailable(self) -> str:
        return "" if sys.platform == "linux" else "Boxes as bare processes need Linux."

    def seen(self, mount: Mount) -> str:
        return str(mount.source)

    def tmp(self, name: str) -> str:
        return str(self._directory(name) / "tmp")

    def _prepare(self, spec: BoxSpec, directory: Path) -> None:
        (directory / "tmp").mkdir(mode=0o700)

    def _request(self, spec: BoxSpec, directory: Path, group: BoxCgroup | None) -> Launch:
        return Launch(
            id=spec.name,
            command=list(spec.command),
            workdir=spec.workdir,
            max_file_bytes=spec.limits.disk_mb * 2**20,
            cgroups=[str(path) for path in group.directories] if group else [],
        )

    def _environment(self, spec: BoxSpec) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
