"""Boxes of each kind, made without the platform around them."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.boxes import image_ready
from workers.runners.base import Box, BoxSpec, BoxState, Limits, Mount, Runner
from workers.runners.registry import runners

# Containers and cgroups are the whole host's, and several processes test at once.
NAMES = f"djinnbot-test{os.getpid()}-"
UID = 1000 if os.geteuid() == 0 else os.geteuid()


@dataclass
class Yard:
    """One backend, an agent's home, and the boxes made here."""

    runner: Runner
    home: Path
    boxes_dir: Path
    made: list[Box] = field(default_factory=list)

    def mount(self) -> Mount:
        return Mount(source=self.home, target="/home/agent", read_only=False)

    def box(
        self,
        *command: str,
        name: str = f"{NAMES}box",
        mounts: Sequence[Mount] = (),
        env: dict[str, str] | None = None,
        labels: dict[str, str] | None = None,
        **limits: float,
    ) -> Box:
        """A started box."""
        spec = BoxSpec(
            name=name,
            image=image_ready() if self.runner.name == "docker" else "",
            command=command,
            mounts=[self.mount(), *mounts],
            env={"HOME": self.runner.seen(self.mount()), **(env or {})},
            workdir=self.runner.seen(self.mount()),
            limits=Limits(**limits),  # type: ignore[arg-type]
            labels=labels or {"app": "djinnbot-test", "session": name},
            uid=UID,
            gid=UID,
        )
        box = self.runner.create(spec)
        self.made.append(box)
        self.runner.start(box)
        return box

    def ended(self, box: Box, *, by_s: float = 30) -> BoxState:
        deadline = time.monotonic() + by_s
        while (state := self.runner.state(box)).running:
            assert time.monotonic() < deadline, self.runner.logs(box)
            time.sleep(0.05)
        return state

    def sh(self, script: str, **more: object) -> tuple[int | None, str]:
        """Run a script in a new box; exit code and output."""
        box = self.box("sh", "-c", script, **more)  # type: ignore[arg-type]
        state = self.ended(box)
        output = self.runner.logs(box)
        self.runner.remove(box)
        return state.exit_code, output

    def shows(self, box: Box, text: str, *, by_s: float = 10) -> None:
        deadline = time.monotonic() + by_s
        while text not in self.runner.logs(box):
            assert time.monotonic() < deadline, self.runner.logs(box)
            time.sleep(0.02)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Callable[[str], Yard]]:
    """`yard("bubblewrap")`"""
    yards: list[Yard] = []
    tmp_path.chmod(0o755)

    def open_(backend: str) -> Yard:
        home = tmp_path / "home"
        home.mkdir()
        os.chown(home, UID, UID)
        boxes_dir = tmp_path / "boxes"
        image = image_ready() if backend == "docker" else ""
        runner = runners(boxes_dir=boxes_dir, image=image)[backend]  # type: ignore[index]
        yards.append(Yard(runner, home, boxes_dir))
        return yards[-1]

    yield open_
    for made in yards:
        for box in made.made:
            made.runner.remove(box)
        shutil.rmtree(made.boxes_dir, ignore_errors=True)
