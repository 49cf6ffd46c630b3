"""What a run's `repository` means: a directory on this server, or an address of a remote.

A local directory is a repository like any other: we read from it and push one branch to it. Its
checked-out branch, index and files are never touched.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from apps.core.errors import DjinnError
from apps.repos.credentials import credentials_for
from apps.repos.errors import (
    RepositoryEmpty,
    RepositoryInvalid,
    RepositoryNotAllowed,
    RepositoryNotFound,
    RepositoryNotGit,
)
from apps.repos.git import CLONE_TIMEOUT_S, Git, Owner, helper_command, owner_to_run_as
from apps.repos.names import mirror_key
from apps.repos.reach import reach_of

_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9.-]+:(?!//)[^\s:][^\s]*")
_SCHEMES = {"https": "https", "http": "http", "ssh": "ssh"}
_HTTP = frozenset({"http", "https"})
_STATUS_TIMEOUT_S = 20.0
_HEAD_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where a source stands. `branch` is empty when its HEAD is detached."""

    commit: str
    branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A repository to work from. `address` is what git is given."""

    address: str
    protocol: str
    local: Path | None = None
    owner: Owner | None = None

    @property
    def key(self) -> str:
        return mirror_key(self.address)

    def git(self, git_dir: Path) -> Git:
        """git on `git_dir` that may speak to this source and to nothing else.

        Raises RepositoryNotAllowed for an address in a private network.
        """
        if self.protocol not in _HTTP:
            credentials = None if self.local else credentials_for(self.address)
            return Git(git_dir=git_dir, protocols=self.protocol, credentials=credentials)
        reach = reach_of(self.address)
        return Git(
            git_dir=git_dir,
            protocols=urlsplit(reach.address).scheme,
            config=reach.config,
            credentials=credentials_for(reach.address),
        )

    def reading(self) -> list[str]:
        return [f"--upload-pack={helper_command('upload-pack', self.owner)}"] if self.local else []

    def writing(self) -> list[str]:
        """Options of a push. The branch that is checked out at the other end is safe."""
        if not self.local:
            return []
        config = ("receive.denyCurrentBranch=refuse", "receive.autogc=false")
        return [f"--receive-pack={helper_command('receive-pack', self.owner, *config)}"]


def source_of(repository: str) -> Source:
    """Parse and check `repository`; a local one is looked at. Raises a `Repository…` error."""
    text = repository.strip()
    if not text or text.startswith("-") or any(ord(character) < 32 for character in text):
        raise RepositoryInvalid("Give a repository as a directory of the server or as a URL.")
    if text.startswith("file://"):
        text = urlsplit(text).path
    if text.startswith(("/", "~")):
        return _local(text)
    scheme = text.split("://", 1)[0] if "://" in text else ""
    if scheme:
        return _remote(text, scheme)
    if _SCP.fullmatch(text):
        return Source(address=text, protocol="ssh")
    raise RepositoryInvalid(
        f"{text!r} is no absolute path and no https or ssh address of a repository."
    )


def _remote(text: str, scheme: str) -> Source:
    if scheme not in _SCHEMES:
        raise RepositoryInvalid(f"Repositories are reached by https or ssh, not by {scheme}.")
    parts = urlsplit(text)
    if parts.password or (parts.username and scheme != "ssh"):
        raise RepositoryInvalid(
            "Take the user name and password out of the repository's address and store the token "
            "as a credential."
        )
    if not parts.hostname or parts.hostname.startswith("-") or not parts.path.strip("/"):
        raise RepositoryInvalid(f"{text!r} is not the address of a repository.")
    return Source(address=text.rstrip("/"), protocol=_SCHEMES[scheme])


def _local(text: str) -> Source:
    path = Path(os.path.realpath(Path(text).expanduser()))
    _check_allowed(path)
    if not path.is_dir():
        raise RepositoryNotFound(f"There is no directory {path} on the server.")
    if not _is_repository(path):
        raise RepositoryNotGit(
            f"{path} is not a git repository. Run `git init` there and commit, or name the top "
            "directory of a repository."
        )
    return Source(address=str(path), protocol="file", local=path, owner=owner_to_run_as(path))


def _check_allowed(path: Path) -> None:
    roots = [Path(root).expanduser() for root in settings.LOCAL_REPOSITORY_ROOTS]
    if not any(path.is_relative_to(os.path.realpath(root)) for root in roots):
        raise RepositoryNotAllowed(
            f"Repositories below {path} are not open to runs. The operator lists open directories "
            "in DJINNBOT_LOCAL_REPOSITORIES."
        )
    ours = Path(settings.DATA_ROOT)
    if any(path.is_relative_to(ours / part) for part in ("workspaces", "runs", "postgres")):
        raise RepositoryNotAllowed("This directory belongs to DjinnBot itself.")


def _is_repository(path: Path) -> bool:
    try:
        return (path / ".git").exists() or all(
            (path / part).exists() for part in ("HEAD", "objects", "refs")
        )
    except PermissionError:
        raise RepositoryNotAllowed(f"The server may not read {path}.") from None


def head_of(source: Source, git_dir: Path) -> Head:
    """Ask the source for its HEAD. Raises RepositoryEmpty when it has no commit."""
    answer = source.git(git_dir).text(
        "ls-remote", "--symref", *source.reading(), "--", source.address, "HEAD",
        timeout_s=CLONE_TIMEOUT_S if source.local else _HEAD_TIMEOUT_S,
    )  # fmt: skip
    commit = branch = ""
    for line in answer.splitlines():
        value, _, name = line.partition("\t")
        if name == "HEAD" and value.startswith("ref: "):
            branch = value.removeprefix("ref: refs/heads/")
        elif name == "HEAD":
            commit = value
    if not commit:
        raise RepositoryEmpty(
            "The repository has no commit on its default branch yet. Make a first commit and "
            "start the run again.",
            repository=source.address,
        )
    return Head(commit=commit, branch=branch)


def uncommitted_changes(source: Source) -> int:
    """How many files of a local source differ from its last commit. 0 where nobody can say."""
    if source.local is None or not (source.local / ".git").exists():
        return 0
    git_dir = source.local / ".git"
    git = Git(
        git_dir=git_dir if git_dir.is_dir() else None, work_tree=source.local, owner=source.owner
    )
    if git.git_dir is None:
        return 0
    try:
        entries = git.lines(
            "status", "--porcelain", "-z", "--untracked-files=normal", "--no-renames",
            timeout_s=_STATUS_TIMEOUT_S,
        )  # fmt: skip
    except DjinnError:
        return 0  # a courtesy to the user: a run does not fail by it
    return len(entries)
