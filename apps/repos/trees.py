"""Worktrees, and the repository that an agent sees in one.

The platform works through the worktree's own git directory inside the mirror. The agent never
gets that: the `.git` file of the tree points to a small repository of its own beside it, which
borrows the mirror's objects. There the agent may commit, stash, branch or wreck things; nothing
of it reaches the mirror, and the next step starts from a fresh one. What counts is the files.
"""

import os
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from apps.core.errors import DjinnError
from apps.repos.errors import GitFailed, WorkspaceCorrupt
from apps.repos.git import CLONE_TIMEOUT_S, Git, Person, commit_tree
from apps.repos.layout import Tree, directory_create
from apps.repos.mirrors import EXCLUDED, tip_keep

_NESTING_LIMIT = 20
# A lock file of git whose owner cannot be found out is old enough to be dead after this.
_LOCK_AGE_S = 120.0


def git_of(tree: Tree) -> Git:
    return Git(git_dir=tree.git_dir, work_tree=tree.path)


def tree_create(tree: Tree, branch: str) -> None:
    """Check `branch` out at a fresh directory. What lies there from a broken try is removed."""
    _remove_parts(tree)
    directory_create(tree.path.parent)
    git = Git(git_dir=tree.mirror)
    git.text(
        "worktree", "add", "--quiet", "--force", "--", str(tree.path), branch,
        timeout_s=CLONE_TIMEOUT_S,
    )  # fmt: skip
    agent_repository_write(tree, branch)


def tree_remove(tree: Tree) -> None:
    """Remove the directory and its git directories. Removed already: nothing happens."""
    _remove_parts(tree)
    _remove(tree.aside)


def _remove_parts(tree: Tree) -> None:
    if os.path.lexists(tree.path):
        # At once: half a directory would look like a tree whose files were deleted on purpose.
        os.rename(tree.path, tree.path.with_name(f".{tree.path.name}.gone.{uuid4().hex[:8]}"))
    for path in (tree.agent_git_dir, tree.git_dir):
        _remove(path)
    # What was just moved, and what a killed process left half-written.
    for path in tree.path.parent.glob(f".{tree.path.name}.*"):
        _remove(path)


def tree_is_sound(tree: Tree) -> bool:
    """Whether the platform's side is whole. The agent's side is mended by `tree_repair`."""
    return tree.path.is_dir() and not tree.path.is_symlink() and git_dir_is_sound(tree)


def git_dir_is_sound(tree: Tree) -> bool:
    if not (tree.git_dir / "HEAD").is_file():
        return False
    try:
        return bool(Git(git_dir=tree.git_dir).commit_of("HEAD"))
    except DjinnError:
        return False


def tree_rebuild(tree: Tree, branch: str) -> None:
    """Make the worktree anew on its branch and put the files of the old one over it."""
    saved = tree.path.with_name(f"{tree.path.name}.saved")
    if tree.path.is_dir() and not tree.path.is_symlink() and not saved.exists():
        os.rename(tree.path, saved)
    try:
        tree_create(tree, branch)
        if saved.is_dir():
            _replace_content(tree.path, saved)
            _remove(saved)
    except OSError as exc:
        raise WorkspaceCorrupt(
            f"The workspace was damaged and could not be rebuilt; its files are in {saved}."
        ) from exc


def _replace_content(path: Path, saved: Path) -> None:
    for entry in os.scandir(path):
        if entry.name != ".git":
            _remove(Path(entry.path))
    for entry in os.scandir(saved):
        if entry.name.casefold() != ".git":
            os.rename(entry.path, path / entry.name)


def tree_repair(tree: Tree, branch: str) -> list[str]:
    """Undo what an agent can do to the tree's `.git`; answer what was found, for people."""
    found = []
    marker = tree.path / ".git"
    if not _is_our_marker(tree):
        if os.path.lexists(marker):
            _move_aside(tree, marker)
            found.append("`.git` of the workspace had been replaced; it was moved aside.")
        agent_repository_write(tree, branch)
    elif not tree.agent_git_dir.is_dir():
        agent_repository_write(tree, branch)
    for name in ("index.lock", "HEAD.lock"):
        lock_remove_if_dead(tree, tree.git_dir / name)
    return found


def _is_our_marker(tree: Tree) -> bool:
    marker = tree.path / ".git"
    try:
        status = marker.lstat()
        return stat.S_ISREG(status.st_mode) and marker.read_bytes() == _marker(tree)
    except OSError:
        return False


def _marker(tree: Tree) -> bytes:
    return f"gitdir: {tree.agent_git_dir}\n".encode()


def _move_aside(tree: Tree, path: Path) -> None:
    directory_create(tree.aside)
    os.rename(path, tree.aside / f"{path.name}-{uuid4().hex[:8]}")


def agent_repository_write(tree: Tree, branch: str) -> None:
    """Write the agent's repository anew, and the `.git` file that points to it.

    It is built apart and swapped in by renames: the agent may have left links anywhere inside the
    old one, so nothing is ever written through it.
    """
    git = Git(git_dir=tree.git_dir)
    new = tree.agent_git_dir.with_name(f".{tree.agent_git_dir.name}.{uuid4().hex[:8]}")
    try:
        (new / "objects" / "info").mkdir(parents=True)
        (new / "objects" / "pack").mkdir()
        (new / "refs" / "heads").mkdir(parents=True)
        (new / "info").mkdir()
        (new / "info" / "exclude").write_text(EXCLUDED)
        (new / "objects" / "info" / "alternates").write_text(f"{tree.mirror / 'objects'}\n")
        (new / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
        (new / "config").write_text(_AGENT_CONFIG)
        (new / "packed-refs").write_text(_packed_refs(git, branch))
        index = tree.git_dir / "index"
        if index.exists():
            shutil.copyfile(index, new / "index")
        _take_owner(new, tree.path)
        _swap_in(new, tree.agent_git_dir)
    finally:
        _remove(new)
    _write_marker(tree)


_AGENT_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[gc]
\tauto = 0
[advice]
\tdetachedHead = false
"""


def _packed_refs(git: Git, branch: str) -> str:
    refs = {f"refs/heads/{branch}": git.commit_of("HEAD")}
    listed = git.text("for-each-ref", "--format=%(objectname) %(refname)", "refs/remotes/origin")
    for line in listed.splitlines():
        commit, _, name = line.partition(" ")
        refs[name] = commit
    rows = "".join(f"{commit} {name}\n" for name, commit in sorted(refs.items()))
    return "# pack-refs with: peeled fully-peeled sorted \n" + rows


def _take_owner(path: Path, like: Path) -> None:
    """Give `path` and what is in it to the owner of `like`, where we may."""
    for directory, _, names in os.walk(path):
        for name in [directory, *(os.path.join(directory, name) for name in names)]:
            _chown_like(Path(name), like)


def _chown_like(path: Path, like: Path) -> None:
    if os.geteuid() == 0:
        status = like.stat()
        os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)


def _swap_in(new: Path, place: Path) -> None:
    if os.path.lexists(place):
        old = place.with_name(f".{place.name}.{uuid4().hex[:8]}")
        os.rename(place, old)
        os.rename(new, place)
        _remove(old)
    else:
        os.rename(new, place)


def _write_marker(tree: Tree) -> None:
    new = tree.path.with_name(f".{tree.path.name}.marker.{uuid4().hex[:8]}")
    new.write_bytes(_marker(tree))
    _chown_like(new, tree.path)
    os.rename(new, tree.path / ".git")


def changes_add(tree: Tree) -> list[str]:
    """Put all changes of the tree into the platform's index; answer warnings for people."""
    git = git_of(tree)
    _index_mend(tree, git)
    warnings = _open_nested_repositories(tree, git)
    links = [
        entry.partition("\t")[2]
        for entry in git.lines("ls-files", "--stage", "-z")
        if entry.startswith("160000 ")
    ]
    try:
        _add(git, [f":(exclude,literal,top){path}" for path in links])
    except GitFailed as exc:
        warnings.append(exc.message)  # a file that cannot be read does not hold up the others
    return warnings


def _index_mend(tree: Tree, git: Git) -> None:
    """An index that a crash cut short is read again from the last commit."""
    try:
        git.text("ls-files", "--error-unmatch", "--", ":/.djinnbot-no-such-file")
    except GitFailed as exc:
        if "index file" in exc.message or "index uses" in exc.message:
            (tree.git_dir / "index").unlink(missing_ok=True)
            git.text("read-tree", "HEAD")


def _add(git: Git, excluded: list[str]) -> None:
    git.text("add", "--all", "--ignore-errors", "--", ":/", *excluded, timeout_s=CLONE_TIMEOUT_S)


def _open_nested_repositories(tree: Tree, git: Git) -> list[str]:
    """Repositories that an agent made inside the tree become plain directories.

    git would record only a pointer to them, and would read their configuration. Their history is
    kept aside.
    """
    warnings: list[str] = []
    for _ in range(_NESTING_LIMIT):
        nested = [
            path
            for path in git.lines("ls-files", "--others", "--exclude-standard", "-z")
            if path.endswith("/")
        ]
        moved = [path for path in nested if _nested_move_aside(tree, path)]
        warnings += [f"{path} was a repository of its own; its files were added." for path in moved]
        if not moved:
            break
    return warnings


def _nested_move_aside(tree: Tree, path: str) -> bool:
    marker = tree.path / path / ".git"
    if not os.path.lexists(marker) or not marker.parent.resolve().is_relative_to(tree.path):
        return False
    _move_aside(tree, marker)
    return True


def index_commit(tree: Tree, message: str, author: Person) -> str:
    """Commit the index on the branch of the tree. Empty when it holds nothing new."""
    git = git_of(tree)
    head = git.commit_of("HEAD")
    written = git.text("write-tree")
    if written == git.text("rev-parse", f"{head}^{{tree}}"):
        return ""
    commit = commit_tree(git, tree=written, parents=(head,), message=message, author=author)
    git.text("update-ref", "HEAD", commit, head)
    return commit


def index_snapshot(tree: Tree, message: str, author: Person, ref: str) -> str:
    """Commit the index to `ref` and leave the branch alone. Empty when it holds nothing new."""
    git = git_of(tree)
    head = git.commit_of("HEAD")
    written = git.text("write-tree")
    if written == git.text("rev-parse", f"{head}^{{tree}}"):
        return ""
    commit = commit_tree(git, tree=written, parents=(head,), message=message, author=author)
    git.text("update-ref", ref, commit)
    return commit


def tree_reset(tree: Tree, branch: str, commit: str) -> None:
    """Put the branch and the files back to `commit`. Ignored files (caches) stay."""
    git = git_of(tree)
    head = git.commit_of("HEAD")
    if head and head != commit:
        tip_keep(tree.mirror, branch, head)
    git.text("reset", "--hard", "--quiet", commit, timeout_s=CLONE_TIMEOUT_S)
    # Twice forced: repositories that an agent made go too.
    git.text("clean", "-ffdq", "--", ":/", timeout_s=CLONE_TIMEOUT_S)
    agent_repository_write(tree, branch)


def lock_remove_if_dead(tree: Tree, lock: Path) -> bool:
    """Remove a lock file of git that no living git can hold. True: it was removed."""
    try:
        age_s = time.time() - lock.lstat().st_mtime
    except FileNotFoundError:
        return False
    if _git_works_in(tree.path) and age_s < _LOCK_AGE_S * 5:
        return False
    if not Path("/proc/self").exists() and age_s < _LOCK_AGE_S:
        return False
    lock.unlink(missing_ok=True)
    return True


def _git_works_in(path: Path) -> bool:
    """Whether a git process of this host stands in `path`. git enters the top of its worktree."""
    if not Path("/proc/self").exists():
        return False
    try:
        place = path.stat()
    except FileNotFoundError:
        return False
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "comm").read_text().startswith("git") and os.path.samestat(
                (process / "cwd").stat(), place
            ):
                return True
    return False


def _remove(path: Path) -> None:
    """Remove a file, link or directory; follows no link."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
