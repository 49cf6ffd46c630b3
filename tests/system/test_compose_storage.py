"""Shared storage by `compose/production/juicefs.yaml`, for those who ask for it: the object store,
the metadata and the one that mounts, for real. Needs root, /dev/fuse and `compose_servers`' image.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from apps.core.space import StorageAway, space
from djinnbot.cli.platform.config import SOURCE_ROOT
from tests.support.compose import compose, env_file_write
from tests.support.live import eventually

pytestmark = [
    pytest.mark.system,
    pytest.mark.docker,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("DJINNBOT_TEST_COMPOSE"),
        reason="set DJINNBOT_TEST_COMPOSE=1: an image of 500 MB, some two minutes the first time",
    ),
]
SERVERS = Path(__file__).with_name("compose_servers")
IMAGE = "djinnbot-juicefs:test"


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture
def source(tmp_path: Path) -> Path:
    shutil.copytree(SOURCE_ROOT / "compose" / "production", tmp_path / "compose" / "production")
    (tmp_path / "requirements").mkdir()
    shutil.copy(SOURCE_ROOT / "requirements" / "storage.txt", tmp_path / "requirements")
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    if bundle.is_file():
        shutil.copy(bundle, tmp_path / "compose" / "production" / "django")
    return tmp_path


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A directory whose mounts are shared with containers, as all are on a host with systemd."""
    place = tmp_path / "data"
    place.mkdir()
    _run("mount", "--bind", str(place), str(place))
    try:
        _run("mount", "--make-shared", str(place))
        yield place
    finally:
        _run("umount", "--lazy", str(place))


@pytest.fixture
def storage(source: Path, data: Path) -> Iterator[Callable[..., str]]:
    """`storage("stop", "juicefs")`: a command of compose. The volume is mounted."""
    production = source / "compose" / "production"
    base = "djinnbot-base:bookworm"
    index = os.environ.get("PIP_INDEX_URL", "")
    dockerfile = production / "juicefs" / "Dockerfile"
    base = base if _run("docker", "images", "-q", base) else "debian:bookworm-slim"
    _run(
        *("docker", "build", "--network", "host", "--build-arg", f"BASE={base}"),
        *("--build-arg", f"PIP_INDEX_URL={index}", "--tag", IMAGE, "-f", str(dockerfile)),
        str(source),
    )
    env_file_write(production, DJINNBOT_DATA=str(data))
    env_file_write(production, "juicefs")
    files = [production / "compose.yaml", production / "juicefs.yaml", SERVERS / "juicefs.yaml"]
    project = f"djinnbot-storage-{os.getpid()}"
    variables = {"TEST_JUICEFS": IMAGE, "TEST_SERVERS": "djinnbot:test-servers"}

    def run(*more: str) -> str:
        chosen = [part for file in files for part in ("-f", str(file))]
        done = compose("-p", project, *chosen, *more, **variables)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    try:
        run("up", "--detach", "--no-build", "--wait", "juicefs")
        yield run
    finally:
        run("down", "--volumes", "--timeout", "20")


def test_the_volume_is_the_hosts_and_its_boxes_and_comes_back_after_a_crash(
    storage: Callable[..., str], data: Path, settings: LazySettings
) -> None:
    shared = data / "shared"
    settings.DATA_ROOT = settings.STORAGE_MOUNT = str(shared)
    found = space()
    assert (found.filesystem, found.volume) == ("fuse.juicefs", "JuiceFS:djinnbot")
    assert found.mount_age_s is not None
    (shared / "sandboxes").mkdir()
    in_a_box = ("docker", "run", "--rm", "--entrypoint", "sh", "-v", f"{shared}/sandboxes:/home/a")
    _run(*in_a_box, IMAGE, "-c", "echo kept > /home/a/file")
    assert (shared / "sandboxes" / "file").read_text() == "kept\n"

    storage("kill", "juicefs")
    with pytest.raises(StorageAway):
        space()
    storage("up", "--detach", "--no-build", "--wait", "juicefs")
    assert eventually(lambda: (shared / "sandboxes" / "file").read_text(), timeout_s=60) == "kept\n"
    storage("stop", "juicefs")
    with pytest.raises(StorageAway, match="Nothing is mounted"):
        space()
