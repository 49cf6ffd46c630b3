"""The one place that starts git.

Rules of every call: an argument array, never a shell; no configuration but ours (none of the
system, the user or the environment), hooks and file system monitors off, no prompt, only the
transports that the caller names, a time limit for the whole process group, and messages with
secrets masked. A password travels through an inherited pipe: it stands in no argument, no file
and no environment.

A tree that an agent has worked in is hostile: its `.git` may point to a repository whose
configuration starts programs. So a call on such a tree names the git directory itself and git
never looks for one.
"""

import errno
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

from apps.core.errors import DjinnError
from apps.repos.credentials import Credentials
from apps.repos.errors import (
    DiskFull,
    GitFailed,
    GitMissing,
    GitTimeout,
    PushRejected,
    RepositoryAuthFailed,
    RepositoryEmpty,
    RepositoryNotFound,
    RepositoryUnreachable,
)

CLONE_TIMEOUT_S = 600.0
PUSH_TIMEOUT_S = 60.0
LOCAL_TIMEOUT_S = 60.0
_OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024
_MESSAGE_CHARACTERS = 600

_CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "core.autocrlf=false",
    "core.pager=cat",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "credential.helper=",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "diff.ignoreSubmodules=all",
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
    "advice.detachedHead=false",
    "merge.conflictStyle=merge",
)
_PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "ALL_PROXY",
)
_SECRETS = (
    re.compile(r"(?<=://)[^/@\s]+(?=@)"),
    re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abp]-)[A-Za-z0-9_-]{10,}"),
    re.compile(r"(?i)(?<=authorization: )\S+ \S+"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Author or committer of a commit."""

    name: str
    email: str


COMMITTER = Person(name="djinnbot", email="djinnbot@localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A user of this host that git shall run as. Only a root platform can do that."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """git on one repository. With `work_tree`, `git_dir` is the git directory to trust for it."""

    git_dir: Path | None = None
    work_tree: Path | None = None
    protocols: str = "none"
    config: tuple[str, ...] = ()  # of this call's remote: see `apps.repos.reach`
    credentials: Credentials | None = field(default=None, repr=False)
    owner: Owner | None = None

    def text(self, *args: str, timeout_s: float = LOCAL_TIMEOUT_S, stdin: str = "") -> str:
        """Standard output without its last newline. Bytes that are not UTF-8 become surrogates."""
        data = self.bytes(*args, timeout_s=timeout_s, stdin=stdin.encode(errors="surrogateescape"))
        return data.decode(errors="surrogateescape").rstrip("\n")

    def lines(self, *args: str, timeout_s: float = LOCAL_TIMEOUT_S) -> list[str]:
        """What NUL ends, as `-z` makes git print it."""
        return [line for line in self.text(*args, timeout_s=timeout_s).split("\0") if line]

    def bytes(
        self,
        *args: str,
        timeout_s: float = LOCAL_TIMEOUT_S,
        stdin: bytes = b"",
        limit: int = _OUTPUT_LIMIT_BYTES,
    ) -> bytes:
        """Standard output, cut at `limit` bytes. Raises what `_error` makes of a failure."""
        done = _run(self, args, timeout_s=timeout_s, stdin=stdin, limit=limit)
        if done.exit_code != 0 and not done.cut:
            raise _error(args, done, self.credentials)
        return done.output

    def succeeds(self, *args: str, timeout_s: float = LOCAL_TIMEOUT_S) -> bool:
        """The answer of a question such as `merge-base --is-ancestor`: exit code 0 or 1."""
        done = _run(self, args, timeout_s=timeout_s, stdin=b"", limit=_OUTPUT_LIMIT_BYTES)
        if done.exit_code not in (0, 1):
            raise _error(args, done, self.credentials)
        return done.exit_code == 0

    def commit_of(self, name: str) -> str:
        """The full hash that `name` stands for, or empty."""
        done = _run(
            self,
            ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"),
            timeout_s=LOCAL_TIMEOUT_S,
            stdin=b"",
            limit=1024,
        )
        return done.output.decode().strip() if done.exit_code == 0 else ""


def person_environment(author: Person, committer: Person = COMMITTER) -> dict[str, str]:
    return {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_COMMITTER_NAME": committer.name,
        "GIT_COMMITTER_EMAIL": committer.email,
    }


def commit_tree(
    git: Git, *, tree: str, parents: Sequence[str], message: str, author: Person
) -> str:
    """Write a commit object and answer its hash. Nothing points to it yet."""
    args = ["commit-tree", tree, "-F", "-"]
    for parent in parents:
        args += ["-p", parent]
    done = _run(
        git,
        args,
        timeout_s=LOCAL_TIMEOUT_S,
        stdin=message.encode(errors="replace"),
        limit=1024,
        extra_environment=person_environment(author),
    )
    if done.exit_code != 0:
        raise _error(args, done, None)
    return done.output.decode().strip()


def mask(text: str, *secrets: str) -> str:
    """`text` without user information in URLs, known token shapes and the given secrets."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    for pattern in _SECRETS:
        text = pattern.sub("***", text)
    return text


def owner_to_run_as(path: Path) -> Owner | None:
    """Whose rights git needs at a repository of a user of this host; None: ours will do.

    A root platform that wrote to a user's repository itself would leave files there which the
    user cannot change, and would run the user's configuration with root's rights.
    """
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return None
    status = path.stat()
    return Owner(uid=status.st_uid, gid=status.st_gid) if status.st_uid != 0 else None


def helper_command(program: str, owner: Owner | None, *config: str) -> str:
    """A value for `--upload-pack` or `--receive-pack` of a local repository.

    git hands it to a shell, so it is made of constants and numbers only. Local transports drop
    the configuration of the caller: what must hold at the other end is said here again.
    """
    words = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]
    for item in config:
        words += ["-c", item]
    if owner is not None:
        user = ["--reuid", str(owner.uid), "--regid", str(owner.gid), "--clear-groups"]
        words = ["setpriv", *user, "--", *words]
    else:
        words += ["-c", "'safe.directory=*'"]
    return " ".join([*words, program])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    exit_code: int
    output: bytes
    errors: str
    cut: bool
    timed_out: bool
    timeout_s: float


def _run(
    git: Git,
    args: Sequence[str],
    *,
    timeout_s: float,
    stdin: bytes,
    limit: int,
    extra_environment: Mapping[str, str] | None = None,
) -> _Done:
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        secret = _secret_pipe(git.credentials)
        try:
            process = _start(git, args, secret, given, errors, extra_environment or {})
        finally:
            if secret is not None:
                os.close(secret)
        output, timed_out = _read(process, timeout_s, limit)
        errors.seek(0)
        return _Done(
            exit_code=process.returncode,
            output=output[:limit],
            errors=errors.read(64 * 1024).decode(errors="replace"),
            cut=len(output) > limit,
            timed_out=timed_out,
            timeout_s=timeout_s,
        )


def _start(
    git: Git,
    args: Sequence[str],
    secret: int | None,
    given: IO[bytes],
    errors: IO[bytes],
    extra_environment: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    command = [*_guard(git.owner), "git"]
    for item in (*_CONFIG, *git.config):
        command += ["-c", item]
    if secret is not None:
        # Asked once a call; a second question reads the end of the pipe and fails.
        command += [
            "-c",
            f'credential.helper=!f() {{ test "$1" = get && cat /dev/fd/{secret}; }}; f',
        ]
    try:
        return subprocess.Popen(
            [*command, *args],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**_environment(git), **extra_environment},
            cwd=git.work_tree or git.git_dir or "/",
            pass_fds=() if secret is None else (secret,),
            start_new_session=True,
        )
    except FileNotFoundError as exc:
        if git.work_tree is not None and not git.work_tree.is_dir():
            raise GitFailed("The directory of the workspace is not there.") from exc
        if git.git_dir is not None and not git.git_dir.is_dir():
            raise GitFailed("The git directory of the workspace is not there.") from exc
        raise GitMissing("git was not found. Install git 2.32 or newer on the server.") from exc
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _disk_full() from exc
        raise


def _read(process: "subprocess.Popen[bytes]", timeout_s: float, limit: int) -> tuple[bytes, bool]:
    assert process.stdout is not None
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        _kill_group(process)

    timer = threading.Timer(timeout_s, expire)
    timer.start()
    try:
        with process.stdout as stdout:
            output = stdout.read(limit + 1)
        if len(output) > limit:
            _kill_group(process)
        process.wait()
    except BaseException:
        _kill_group(process)
        process.wait()
        raise
    finally:
        timer.cancel()
    return output, expired.is_set()


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """git and its helpers (transports, packers) end together."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@cache
def _setpriv() -> str | None:
    return shutil.which("setpriv")


def _guard(owner: Owner | None) -> list[str]:
    """What stands before `git`: die with the worker, so a killed one leaves no git behind."""
    setpriv = _setpriv()
    if setpriv is None:
        return []
    words = [setpriv, "--pdeathsig", "KILL"]
    if owner is not None:
        words += ["--reuid", str(owner.uid), "--regid", str(owner.gid), "--clear-groups"]
    return [*words, "--"]


def _environment(git: Git) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": git.protocols,
        "GIT_LITERAL_PATHSPECS": "0",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=20",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS": "/bin/false",
    }
    environment |= person_environment(COMMITTER)
    if git.git_dir is not None:
        environment["GIT_DIR"] = str(git.git_dir)
    if git.work_tree is not None:
        environment["GIT_WORK_TREE"] = str(git.work_tree)
    return environment


def _secret_pipe(credentials: Credentials | None) -> int | None:
    if credentials is None:
        return None
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as stream:
        stream.write(f"username={credentials.username}\npassword={credentials.password}\n".encode())
    return reader


def _error(args: Sequence[str], done: _Done, credentials: Credentials | None) -> DjinnError:
    """What a failed call means to whoever asked for it."""
    secret = credentials.password if credentials is not None else ""
    said = mask(" ".join(done.errors.split()), secret)[:_MESSAGE_CHARACTERS]
    command = next((word for word in args if not word.startswith("-")), "git")
    facts: dict[str, Any] = {"command": command, "exit_code": done.exit_code}
    if done.timed_out:
        return GitTimeout(f"git {command} took longer than {done.timeout_s:g} s.", **facts)
    for pattern, kind, sentence in _MEANINGS:
        if pattern.search(said):
            if kind is DiskFull:
                return _disk_full()
            return kind(f"{sentence} git said: {said}", **facts)
    return GitFailed(f"git {command} failed: {said or f'exit code {done.exit_code}'}", **facts)


def _disk_full() -> DiskFull:
    return DiskFull("No space is left on the disk of the workspaces. Free some and try again.")


_MEANINGS: tuple[tuple[re.Pattern[str], type[DjinnError], str], ...] = (
    (re.compile(r"(?i)no space left on device|disk quota exceeded"), DiskFull, ""),
    (
        re.compile(
            r"(?i)authentication failed|could not read (username|password)|permission denied"
            r" \(publickey|terminal prompts disabled|HTTP Basic: Access denied|error: 403"
        ),
        RepositoryAuthFailed,
        "The remote repository refused our credentials, or wants some.",
    ),
    (
        re.compile(
            r"(?i)could not resolve host|connection (refused|timed out|reset)|failed to connect"
            r"|network is unreachable|operation timed out|could not connect|early EOF"
            r"|the remote end hung up"
        ),
        RepositoryUnreachable,
        "The remote repository could not be reached.",
    ),
    (
        re.compile(r"(?i)repository .*not found|does not appear to be a git repository|error: 404"),
        RepositoryNotFound,
        "There is no repository that we may read at this address.",
    ),
    (re.compile(r"(?i)couldn't find remote ref HEAD"), RepositoryEmpty, "It has no commit yet."),
    (
        re.compile(r"(?i)non-fast-forward|fetch first|stale info|\[(remote )?rejected\]"),
        PushRejected,
        "The remote repository did not take the branch.",
    ),
)
