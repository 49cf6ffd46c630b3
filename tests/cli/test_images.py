"""`djinn images`, and the script behind it, on the real daemon."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound

from tests.support.boxes import image_ready
from tests.support.cli import djinn
from workers.protocol.fingerprint import LABEL, runtime_fingerprint

pytestmark = [pytest.mark.docker]

STALE = f"djinnbot-test-stale:p{os.getpid()}"


@pytest.fixture
def client() -> Iterator["docker.DockerClient"]:
    found = docker.from_env()
    yield found
    found.close()


@pytest.fixture
def stale(client: "docker.DockerClient") -> Iterator[str]:
    """An image with the label of another runtime, and nothing in it."""
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    name, _, tag = STALE.partition(":")
    labels = [f"LABEL {LABEL}=0123456789ab", "LABEL djinnbot.harness=opencode"]
    client.api.import_image_from_data(empty.getvalue(), repository=name, tag=tag, changes=labels)
    yield STALE
    client.images.remove(STALE, force=True)


def test_the_list_tells_which_images_are_of_this_runtime(stale: str, tmp_path: Path) -> None:
    current = image_ready()
    rows = {row["image"]: row for row in djinn("images", "list", "--json", home=tmp_path).json}
    assert rows[current]["runtime"] == "current"
    assert rows[stale]["runtime"] == "stale"
    assert rows[stale]["harness"] == "opencode"
    assert not [name for name in rows if name.startswith(("<none>", "djinnbot-base"))]
    assert "current" in djinn("images", "list", home=tmp_path).out


def test_an_image_bears_the_mark_of_the_very_runtime_in_it(client: "docker.DockerClient") -> None:
    image = image_ready()
    assert client.images.get(image).labels[LABEL] == runtime_fingerprint()
    script = "print(__import__('workers.protocol.fingerprint').protocol.fingerprint."
    said = client.containers.run(
        image, ["/opt/djinnbot/venv/bin/python", "-c", f"{script}runtime_fingerprint())"],
        remove=True, network_mode="none",
    )  # fmt: skip
    assert said.decode().strip() == runtime_fingerprint()


def test_what_is_up_to_date_is_not_built_again(
    client: "docker.DockerClient", tmp_path: Path
) -> None:
    before = client.images.get(image_ready()).id
    answer = djinn("images", "build", "slim", "--tag", image_ready(), home=tmp_path)
    assert answer.code == 0, answer.err
    assert "is up to date" in answer.err
    assert "is ready" in answer.out + answer.err
    assert client.images.get(image_ready()).id == before


def test_a_base_that_nobody_has_is_told_of(client: "docker.DockerClient", tmp_path: Path) -> None:
    tag = f"djinnbot-test-none:p{os.getpid()}"
    answer = djinn(
        "images", "build", "--tag", tag, home=tmp_path,
        environment={"BASE": "127.0.0.1:1/no/such:image"},
    )  # fmt: skip
    assert answer.code == 1
    assert f"{tag} could not be built; the lines above say why." in answer.err
    assert "127.0.0.1:1" in answer.err, "the daemon's own words"
    assert "Traceback" not in answer.err
    with pytest.raises(ImageNotFound):
        client.images.get(tag)


@pytest.mark.parametrize("command", [["images", "build"], ["images", "list"]])
def test_without_a_daemon_both_say_so(command: list[str], tmp_path: Path) -> None:
    answer = djinn(*command, home=tmp_path, environment={"DOCKER_HOST": f"unix://{tmp_path}/no"})
    assert answer.code == 1
    assert "daemon" in answer.err
    assert "Traceback" not in answer.err


def test_variants_and_programs_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    assert djinn("images", "build", "huge", home=tmp_path).code == 2
    assert djinn("images", "build", "--harness", "none", home=tmp_path).code == 2
