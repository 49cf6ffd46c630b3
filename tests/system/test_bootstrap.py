"""`scripts/bootstrap.sh` on a machine where something is missing."""

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
        done = subprocess.run(
            ["/bin/sh", "scripts/bootstrap.sh", kind],
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


def test_for_development_an_old_node_is_refused(machine: Machine) -> None:
    machine.link("git")
    (machine.clone / "frontend").mkdir()
    (machine.clone / "frontend" / "package.json").write_text("{}")
    machine.put("node", "echo v18.1.0")
    code, text = machine.bootstrap("dev")
    assert code == 1
    assert "Node 20 or newer is missing (found: 18)" in text


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
