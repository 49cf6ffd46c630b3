"""`scripts/bootstrap.sh` and `dashboard.sh` on a machine where something is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.servers import REPOSITORY

BASICS = ("sh", "cat", "dirname", "cksum", "sed", "rm", "env", "mkdir")


class Machine:
    """A clone, and a PATH with chosen programs only."""

    def __init__(self, root: Path) -> None:
        self.clone = root / "clone"
        self.programs = root / "bin"
        self.programs.mkdir()
        for name in ("scripts", "requirements"):
            shutil.copytree(REPOSITORY / name, self.clone / name)
        for name in ("setup.cfg", "pyproject.toml"):
            shutil.copy(REPOSITORY / name, self.clone)
        for name in BASICS:
            self.link(name)

    def link(self, name: str) -> None:
        found = shutil.which(name)
        assert found is not None
        (self.programs / name).symlink_to(found)

    def put(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def bootstrap(self, kind: str = "run", **environment: str) -> tuple[int, str]:
        return self.run("scripts/bootstrap.sh", kind, **environment)

    def run(self, script: str, kind: str, **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/sh", script, kind],
            cwd=self.clone,
            env={"PATH": str(self.programs), "HOME": os.environ["HOME"], **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_git_it_says_so(machine: Machine) -> None:
    code, text = machine.bootstrap()
    assert code == 1
    assert "git is missing" in text


def test_without_a_python_it_says_which_it_needs(machine: Machine) -> None:
    machine.link("git")
    code, text = machine.bootstrap()
    assert code == 1
    assert "Python 3.11 or newer is missing" in text


def test_a_python_that_is_too_old_is_not_taken(machine: Machine) -> None:
    machine.link("git")
    machine.put("python3", "exit 1  # every question about its version is answered with no")
    code, text = machine.bootstrap(PYTHON="python3")
    assert code == 1
    assert "Python 3.11 or newer is missing" in text


@pytest.fixture
def dashboard(machine: Machine) -> Machine:
    """A clone with a little dashboard, and an npm that is too old."""
    for name in ("docs", "frontend/src", "frontend/public", "frontend/plugins"):
        (machine.clone / name).mkdir(parents=True)
    (machine.clone / "docs" / "openapi.json").write_text("{}")
    for name in (
        "src/main.tsx", "index.html", "vite.config.ts", "tsr.config.json", "package.json",
        "package-lock.json", ".npmrc",
    ):  # fmt: skip
        (machine.clone / "frontend" / name).write_text("{}")
    for name in ("find", "sort", "tr", "xargs"):
        machine.link(name)
    machine.put("npm", "exit 1")
    machine.put("node", '[ "$1" = --version ] && echo v18.1.0; [ "$1" = --version ]')
    return machine


def test_for_development_an_old_node_is_refused(dashboard: Machine) -> None:
    code, text = dashboard.run("scripts/dashboard.sh", "dev")
    assert code == 1
    assert "Node 20.19 or newer with npm (found: v18.1.0)" in text


def test_without_node_the_platform_starts_without_its_dashboard(dashboard: Machine) -> None:
    code, text = dashboard.run("scripts/dashboard.sh", "run")
    assert code == 0
    assert "The dashboard is not built" in text
    assert "Node 20.19 or newer" in text


def test_a_dashboard_is_built_once_and_again_when_a_source_changes(dashboard: Machine) -> None:
    dashboard.put("node", "exit 0")
    dashboard.put(
        "npm",
        'echo "$1 $2" >>npm.log; case "$1" in ci) mkdir -p node_modules ;; '
        "*) mkdir -p dist/app; : >dist/app/index.html ;; esac",
    )
    log = dashboard.clone / "frontend" / "npm.log"
    for _ in range(2):
        assert dashboard.run("scripts/dashboard.sh", "run")[0] == 0
    calls = log.read_text().splitlines()
    assert [line.split()[0] for line in calls] == ["ci", "run"]
    (dashboard.clone / "frontend" / "src" / "main.tsx").write_text("changed")
    assert dashboard.run("scripts/dashboard.sh", "run")[0] == 0
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["ci", "run", "run"]


def test_an_unknown_kind_is_refused(machine: Machine) -> None:
    assert machine.bootstrap("nonsense")[0] == 1


def test_an_environment_that_is_current_is_left_alone(machine: Machine) -> None:
    machine.link("git")
    python = machine.clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/true")
    pipe = (
        "cat requirements/local.txt requirements/base.in requirements/agent.in"
        " requirements/embedded.in requirements/dev.in setup.cfg pyproject.toml"
        " scripts/bootstrap.sh | cksum"
    )
    stamp = subprocess.run(
        ["/bin/sh", "-c", pipe], cwd=machine.clone, capture_output=True, text=True, check=True
    ).stdout
    (machine.clone / ".venv" / ".stamp-dev").write_text(stamp)
    assert machine.bootstrap("run") == (0, "")
    (machine.clone / "setup.cfg").write_text("[metadata]\n")
    assert machine.bootstrap("run")[0] == 1  # it would install, and there is no Python
