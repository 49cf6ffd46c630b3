"""A commit in a directory of its own, for whoever must see what is committed and nothing else.

It is a repository apart, at a detached head. It borrows the mirror's objects, and nothing that is
done in it reaches the mirror or the workspace.
"""

import os
import shutil
import stat
from pathlib import Path

from apps.repos.git import CLONE_TIMEOUT_S, Git
from apps.repos.layout import tree_of
from apps.repos.mirrors import EXCLUDED
from apps.repos.models import Workspace
from apps.repos.services import Mount, box_user


def checkout_create(workspace: Workspace | None, commit: str, place: Path) -> tuple[Mount, ...]:
    """Fill `place`, which must not exist, and give it to the box's user; what to mount beside it.

    A workspace without git is copied as it is; without a workspace the directory stays empty.
    Raises GitFailed and OSError.
    """
    place.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    mounts: tuple[Mount, ...] = ()
    if workspace is None:
        place.mkdir()
    elif workspace.kind == Workspace.Kind.GIT_WORKTREE:
        objects = tree_of(workspace).mirror / "objects"
        _check_out(commit, objects, place)
        mounts = (Mount(path=objects, read_only=True),)
    else:
        shutil.copytree(workspace.path, place, symlinks=True, ignore=_special_files)
    directory_give(place)
    return mounts


def _check_out(commit: str, objects: Path, place: Path) -> None:
    Git().text("init", "--quiet", "--initial-branch=main", "--", str(place))
    git_dir = place / ".git"
    (git_dir / "info").mkdir(exist_ok=True)
    (git_dir / "info" / "exclude").write_text(EXCLUDED)
    (git_dir / "objects" / "info").mkdir(exist_ok=True)
    (git_dir / "objects" / "info" / "alternates").write_text(f"{objects}\n")
    git = Git(git_dir=git_dir, work_tree=place)
    git.text("update-ref", "--no-deref", "HEAD", commit)
    git.text("reset", "--hard", "--quiet", commit, timeout_s=CLONE_TIMEOUT_S)


def directory_give(place: Path) -> None:
    """Give a directory that only we have written to, and all in it, to the user of boxes."""
    if os.geteuid() != 0:
        return
    uid, gid = box_user()
    for directory, names, files in os.walk(place):
        os.chown(directory, uid, gid)
        for name in (*names, *files):
            os.chown(os.path.join(directory, name), uid, gid, follow_symlinks=False)


def _special_files(directory: str, names: list[str]) -> set[str]:
    """Sockets, pipes and devices: there is nothing in them to copy."""
    return {name for name in names if not _is_plain(Path(directory, name).lstat().st_mode)}


def _is_plain(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)
