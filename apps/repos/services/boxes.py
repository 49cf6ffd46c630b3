"""What a box may see of a workspace, and as whom."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.repos.layout import tree_of
from apps.repos.models import Workspace

Kind = Workspace.Kind


def box_user() -> tuple[int, int]:
    """The uid and gid that a box runs as: 1000 under a root platform, else the platform's own."""
    return (1000, 1000) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def workspace_hand_over(workspace: Workspace, uid: int, gid: int) -> None:
    """Give the directory, and the repository that the agent sees there, to the box's user.

    Call it before each box: files that the platform wrote meanwhile belong to the platform. It
    follows no link, and touches only what differs. Without root's rights it does nothing; the
    box then runs as the platform's own user.
    """
    if os.geteuid() != 0:
        return
    places = [Path(workspace.path)]
    doors = [places[0].parent]
    if workspace.kind == Kind.GIT_WORKTREE:
        tree = tree_of(workspace)
        places.append(tree.agent_git_dir)
        doors += [tree.mirror.parent, tree.mirror]
    for place in places:
        _give(place, uid, gid)
    for door in doors:
        os.chown(door, -1, gid)
        door.chmod(0o710)  # pass through to what you know; list nothing


def _give(place: Path, uid: int, gid: int) -> None:
    for _, directories, names, descriptor in os.fwalk(place, follow_symlinks=False):
        status = os.fstat(descriptor)
        if (status.st_uid, status.st_gid) != (uid, gid):
            os.fchown(descriptor, uid, gid)
        _give_entries([*directories, *names], descriptor, uid, gid)


def _give_entries(names: Sequence[str], descriptor: int, uid: int, gid: int) -> None:
    for name in names:
        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        if (status.st_uid, status.st_gid) != (uid, gid):
            os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A directory of the host that a box must see at the very same path."""

    path: Path
    read_only: bool


def workspace_git_mounts(workspace: Workspace) -> tuple[Mount, ...]:
    """What git in the box needs beside the directory itself.

    The agent's own repository, and the mirror's objects that it borrows, read-only. The `.git`
    file of the directory and the repository name each other by absolute paths.
    """
    if workspace.kind != Kind.GIT_WORKTREE:
        return ()
    tree = tree_of(workspace)
    return (
        Mount(path=tree.agent_git_dir, read_only=False),
        Mount(path=tree.mirror / "objects", read_only=True),
    )
