"""Where things lie below the data root.

workspaces/<key>.git             bare mirror of one repository; nobody works in it
workspaces/<key>.git/worktrees/  git directories of the run directories; only the platform's
runs/<run>                       the directory a run works in
runs/<run>.git                   the repository the agent sees there (see `trees.py`)
runs/<run>.aside                 what an agent put in our way, kept
workspaces/<project>             directory of a project without git
"""

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from apps.repos.models import Workspace


def data_root() -> Path:
    return Path(settings.DATA_ROOT)


def mirror_path(key: str) -> Path:
    return data_root() / "workspaces" / f"{key}.git"


def project_directory(key: str) -> Path:
    return data_root() / "workspaces" / key


def run_path(name: str) -> Path:
    return data_root() / "runs" / name


@dataclass(frozen=True, slots=True)
class Tree:
    """The places of one git worktree. `git_dir` is trusted, `agent_git_dir` is not."""

    path: Path
    mirror: Path

    @property
    def git_dir(self) -> Path:
        return self.mirror / "worktrees" / self.path.name

    @property
    def agent_git_dir(self) -> Path:
        return self.path.with_name(f"{self.path.name}.git")

    @property
    def aside(self) -> Path:
        return self.path.with_name(f"{self.path.name}.aside")


def tree_of(workspace: Workspace) -> Tree:
    return Tree(path=Path(workspace.path), mirror=Path(workspace.mirror_path))


def directory_create(path: Path) -> None:
    """Make a directory that only the platform's user enters; boxes see parts of it by mounts."""
    os.makedirs(path, mode=0o700, exist_ok=True)
