"""The compose files agree with what they start, and compose agrees with them. No container runs
here; `test_compose_starts.py` starts a whole server."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from djinnbot.cli.platform.config import SOURCE_ROOT, platform_of
from djinnbot.cli.platform.programs import processes
from tests.support.compose import compose, env_file_write

COMPOSE = SOURCE_ROOT / "compose"
FILES = sorted(COMPOSE.glob("*/compose.yaml"))
START = (COMPOSE / "production" / "django" / "start").read_text()


def _services(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text())["services"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_each_file_can_be_read_and_pins_its_images(path: Path) -> None:
    services = _services(path)
    for name, service in services.items():
        assert "image" in service or "build" in service, name
        assert not str(service.get("image", "")).endswith(":latest"), name
        for other in service.get("depends_on", {}):
            assert other in services, name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:") or name == "caddy", name


def test_production_runs_every_process_of_the_platform(tmp_path: Path) -> None:
    platform = platform_of(environment={"DJINNBOT_HOME": str(tmp_path)})
    wanted = {process.name for process in processes(platform) if not process.is_server}
    services = _services(COMPOSE / "production" / "compose.yaml")
    assert wanted <= set(services)
    known = set(re.findall(r"^    ([a-z-]+)\)", START, re.MULTILINE))
    commands = {service["command"][0] for name, service in services.items() if "build" in service}
    assert commands == known


def test_production_names_each_setting_that_it_needs() -> None:
    text = (COMPOSE / "production" / "compose.yaml").read_text()
    example = (COMPOSE / "production" / "env.example").read_text()
    named = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert set(re.findall(r"\$\{([A-Z_]+)", text)) <= named


def test_every_socket_directory_of_boxes_is_made_by_its_process() -> None:
    for name in ("DJINNBOT_API_SOCKET", "DJINNBOT_EGRESS_SOCKET"):
        assert f'mkdir -p "$(dirname "${name}")"' in START


def _copy(tmp_path: Path) -> Path:
    shutil.copytree(COMPOSE, tmp_path / "compose")
    env_file_write(tmp_path / "compose" / "production", DJINNBOT_DATA="/srv/data")
    return tmp_path / "compose"


def test_compose_understands_each_file(tmp_path: Path) -> None:
    copy = _copy(tmp_path)
    for path in FILES:
        file = copy / path.relative_to(COMPOSE)
        done = compose("-f", str(file), "config", "--format", "json")
        assert done.returncode == 0, done.stderr
        assert "level=warning" not in done.stderr
        found = json.loads(done.stdout)["services"]
        assert found.keys() == _services(path).keys()
        if "worker-agents" in found:
            worker = found["worker-agents"]
            # What a warm start needs (`workers/runners/mounts.py`), and no other process gets.
            assert (worker["pid"], worker["cap_add"]) == ("host", ["SYS_ADMIN", "SYS_PTRACE"])
            others = [service for name, service in found.items() if name != "worker-agents"]
            assert not [service for service in others if "cap_add" in service or "pid" in service]


def test_compose_names_the_setting_that_is_missing(tmp_path: Path) -> None:
    production = _copy(tmp_path) / "production"
    text = (production / ".env").read_text()
    (production / ".env").write_text(re.sub("POSTGRES_PASSWORD=.*", "", text))
    done = compose("-f", str(production / "compose.yaml"), "config", "--quiet")
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD" in done.stderr


def test_shared_storage_is_mounted_by_one_process_that_alone_has_its_keys(tmp_path: Path) -> None:
    production = _copy(tmp_path) / "production"
    env_file_write(production, "juicefs")
    keys = set(re.findall(r"^([A-Z_]+)=", (production / "juicefs.env").read_text(), re.MULTILINE))
    files = ("-f", str(production / "compose.yaml"), "-f", str(production / "juicefs.yaml"))
    done = compose(*files, "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    storage = {name for name in services if name.startswith("juicefs")}
    of_the_platform = [
        services[name]
        for name, service in _services(production / "compose.yaml").items()
        if "build" in service
    ]
    for service in of_the_platform:
        assert not keys & service["environment"].keys()
        assert service["environment"]["DJINNBOT_HOME"] == "/srv/data/shared"
        assert service["environment"]["DJINNBOT_STORAGE_MOUNT"] == "/srv/data/shared"
        assert service["depends_on"]["juicefs"]["condition"] == "service_healthy"
        (data,) = [each for each in service["volumes"] if each["target"] == "/srv/data"]
        assert data["bind"]["propagation"] == "rslave"
    assert [name for name, each in services.items() if "devices" in each] == ["juicefs"]
    for name in storage:
        assert keys <= services[name]["environment"].keys()
        assert "ports" not in services[name]
    for name in storage - {"juicefs"}:
        assert services[name]["networks"].keys() == {"storage"}


def test_shared_storage_has_no_default_password() -> None:
    start = (COMPOSE / "production" / "juicefs" / "start").read_text()
    example = (COMPOSE / "production" / "juicefs.env.example").read_text()
    names = re.findall(r"^([A-Z_]+)=$", example, re.MULTILINE)
    assert set(names) == {"JUICEFS_META_PASSWORD", "JUICEFS_ACCESS_KEY", "JUICEFS_SECRET_KEY"}
    script = start.replace("exec weed", "exit 0; weed").replace("umount -l", "exit 0; umount -l")
    for command, wanted in (("objects", names[1:]), ("mount", names)):
        more = {"META_URL": "x", "BUCKET": "x", "MOUNT": "/nowhere"}
        for missing in wanted:
            given = {name: "x" for name in names if name != missing}
            done = subprocess.run(
                ["sh", "-c", script, "start", command],
                env={"PATH": os.defpath, **more, **given},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 64
            assert done.stderr.startswith(f"{missing} is not set")
