"""Takes away what runs have left and nobody will ask for. Never a path of an active run.

What belongs to an active run is asked twice: when looking, and again under the lock that also
preparing and finalising a run's directory take.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog
from django.conf import settings
from django.utils import timezone

from apps.core.errors import DjinnError, Unavailable
from apps.core.space import storage_away
from apps.ops.usage import size_of
from apps.repos.access import runs_active
from apps.repos.git import Git
from apps.repos.locks import repository_lock, run_files_lock
from apps.repos.models import Workspace
from apps.repos.services import preserved_remove
from apps.sessions.models import ContainerInstance

log = structlog.get_logger(__name__)

DEAD_AFTER = timedelta(hours=1)
OVERFLOW_DAYS = 7
LOG_DAYS = 14
LOG_TAIL_DAYS = 30
_RUN_ID = re.compile(r"run_[0-9a-z]+")
_EXPIRE = "1.hour.ago"
_ROTATED_LOG = re.compile(r".+\.log\.\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """Something that went, or in a dry run would go. `path` may also name a branch or rows."""

    kind: str
    path: str
    reason: str
    bytes: int = 0


# Called with the kind that is looked for, and with what has gone so far.
Told = Callable[[str, list[Deletion]], None]


def storage_clean(*, dry_run: bool, told: Told = lambda stage, done: None) -> list[Deletion]:
    """Clean all kinds; each deletion is logged. What cannot be removed stays for the next time.

    Raises Unavailable while the storage is away: what is not to be seen is not gone.
    """
    if away := storage_away():
        raise Unavailable(away, code="storage_unavailable")
    root = Path(settings.DATA_ROOT)
    done: list[Deletion] = []
    for stage, look in _LOOKS.items():
        told(stage, done)
        try:
            for deletion in look(root, dry_run):
                if not dry_run:
                    log.info("deleted", **_facts(deletion))
                done.append(deletion)
                told(stage, done)
        except (DjinnError, OSError) as exc:
            log.warning("cleaning stopped half-way", what=stage, error=str(exc))
    return done


def _facts(deletion: Deletion) -> dict[str, object]:
    return {
        "kind": deletion.kind,
        "path": deletion.path,
        "reason": deletion.reason,
        "bytes": deletion.bytes,
    }


def _preserved(root: Path, dry_run: bool) -> Iterator[Deletion]:
    """Directories kept after a failed push, for as long as the setting says."""
    for tree in preserved_remove(dry_run=dry_run):
        if not tree.reason:
            yield Deletion(
                kind="preserved",
                path=tree.path,
                reason=f"its push failed, and nobody came for it since {tree.since:%Y-%m-%d}",
                bytes=tree.bytes,
            )


# Directories of runs


def run_of(name: str) -> str:
    """The run that an entry of `runs/` belongs to; empty: it is none of ours, and stays."""
    found = _RUN_ID.search(name)
    return found[0] if found else ""


def run_is_over(run_id: str) -> bool:
    """Nobody works with the run's files, nor will: it ended, or is gone, and has no workspace."""
    if runs_active([run_id]):
        return False
    live = Workspace.objects.filter(run_id=run_id).exclude(status=Workspace.Status.REMOVED)
    return not live.exists()


def _dead_directories(root: Path, dry_run: bool) -> Iterator[Deletion]:
    for entry in _entries(root / "runs"):
        run_id = run_of(entry.name)
        if not run_id or not _is_older(entry, DEAD_AFTER) or not run_is_over(run_id):
            continue
        path = Path(entry.path)
        deletion = Deletion(
            kind="run_directory",
            path=entry.path,
            reason="its run is over and has no workspace",
            bytes=size_of(path).bytes,
        )
        if dry_run or _removed_under_lock(run_id, path):
            yield deletion


def _removed_under_lock(run_id: str, path: Path) -> bool:
    with run_files_lock(run_id) as mine:
        if not mine or not run_is_over(run_id):
            return False
        _remove(path)
    return True


# Mirrors


def _worktrees(root: Path, dry_run: bool) -> Iterator[Deletion]:
    """git directories of worktrees that are gone."""
    for mirror in _mirrors(root):
        with repository_lock(str(mirror)):
            git = Git(git_dir=mirror)
            gone = _prunable(git)
            if gone and not dry_run:
                git.text("worktree", "prune", f"--expire={_EXPIRE}")
        for place in gone:
            yield Deletion(kind="worktree", path=place, reason="its directory is gone")


def _prunable(git: Git) -> list[str]:
    """Paths of worktrees that git would forget."""
    listed = git.text("worktree", "list", "--porcelain", f"--expire={_EXPIRE}")
    return [
        block.partition("\n")[0].removeprefix("worktree ")
        for block in listed.split("\n\n")
        if "\nprunable" in block
    ]


def _branches(root: Path, dry_run: bool) -> Iterator[Deletion]:
    """`run/…` whose commits the repository's own branch holds."""
    for mirror in _mirrors(root):
        with repository_lock(str(mirror)):
            git = Git(git_dir=mirror)
            for branch in _merged(git):
                if not run_is_over(run_of(branch)):
                    continue
                if not dry_run:
                    git.text("update-ref", "-d", f"refs/heads/{branch}")
                yield Deletion(kind="branch", path=f"{mirror}:{branch}", reason="it is merged")


def _merged(git: Git) -> list[str]:
    tip = git.commit_of("refs/djinnbot/head")
    if not tip:
        return []  # a repository without a remote: nobody merges there but by hand
    listed = git.text(
        "for-each-ref", f"--merged={tip}", "--format=%(refname:lstrip=2)", "refs/heads/run/"
    )
    return [branch for branch in listed.splitlines() if run_of(branch)]


def _mirrors(root: Path) -> list[Path]:
    found = (Path(entry.path) for entry in _entries(root / "workspaces"))
    return [path for path in found if path.suffix == ".git" and (path / "HEAD").is_file()]


# Files


def _overflow(root: Path, dry_run: bool) -> Iterator[Deletion]:
    """Values too long for a prompt, in directories of projects that no run works in."""
    for entry in _entries(root / "workspaces"):
        outputs = Path(entry.path, ".djinnbot", "outputs")
        if outputs.parent.is_symlink() or outputs.is_symlink() or not outputs.is_dir():
            continue
        for file in _entries(outputs):
            if not file.is_file(follow_symlinks=False) or not _is_older(
                file, timedelta(days=OVERFLOW_DAYS)
            ):
                continue
            yield from _file(
                file,
                kind="overflow",
                reason=f"older than {OVERFLOW_DAYS} days",
                dry_run=dry_run,
                still_free=partial(_is_free, entry.path),
            )


def _is_free(path: str) -> bool:
    """Whether no run works in a directory."""
    rows = Workspace.objects.filter(path=path).exclude(status=Workspace.Status.REMOVED)
    return not rows.exists()


def _logs(root: Path, dry_run: bool) -> Iterator[Deletion]:
    for entry in _entries(root / "logs"):
        if _ROTATED_LOG.fullmatch(entry.name) and _is_older(entry, timedelta(days=LOG_DAYS)):
            reason = f"older than {LOG_DAYS} days"
            yield from _file(entry, kind="log", reason=reason, dry_run=dry_run)


def _tails(root: Path, dry_run: bool) -> Iterator[Deletion]:
    """The last lines of boxes, which stand in rows."""
    before = timezone.now() - timedelta(days=LOG_TAIL_DAYS)
    rows = ContainerInstance.objects.filter(stopped_at__lt=before).exclude(log_tail="")
    count = rows.count() if dry_run else rows.update(log_tail="")
    if count:
        reason = f"older than {LOG_TAIL_DAYS} days"
        yield Deletion(kind="log_tail", path=f"{count} boxes", reason=reason)


def _file(
    entry: "os.DirEntry[str]",
    *,
    kind: str,
    reason: str,
    dry_run: bool,
    still_free: Callable[[], bool] = lambda: True,
) -> Iterator[Deletion]:
    taken = entry.stat(follow_symlinks=False).st_blocks * 512
    if not still_free():
        return
    if not dry_run:
        Path(entry.path).unlink(missing_ok=True)
    yield Deletion(kind=kind, path=entry.path, reason=reason, bytes=taken)


def _entries(directory: Path) -> "list[os.DirEntry[str]]":
    try:
        return sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        return []


def _is_older(entry: "os.DirEntry[str]", age: timedelta) -> bool:
    try:
        changed = entry.stat(follow_symlinks=False).st_mtime
    except OSError:
        return False
    return time.time() - changed > age.total_seconds()


def _remove(path: Path) -> None:
    """Follows no link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


_LOOKS: dict[str, Callable[[Path, bool], Iterator[Deletion]]] = {
    "preserved": _preserved,
    "run_directory": _dead_directories,
    "worktree": _worktrees,
    "branch": _branches,
    "overflow": _overflow,
    "log": _logs,
    "log_tail": _tails,
}
