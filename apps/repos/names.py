"""Names that reach git or the file system: refused unless they can mean only one thing."""

import hashlib
import re
from pathlib import PurePosixPath

from apps.repos.errors import CommitInvalid, NameInvalid, PathForbidden

_RUN_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,40}")
_BRANCH_LENGTH = 200
# git's own rules (check-ref-format): see `branch_name`.
_BRANCH_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_SUBJECT = re.compile(r"step/(?P<step>\S+) \((?P<agent>[^)]*)\): (?P<summary>.*)")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+")
SUMMARY_CHARACTERS = 100


def run_key(run_id: str) -> str:
    """`run_id`, fit to be one part of a path and of a branch name."""
    if not _RUN_ID.fullmatch(run_id):
        raise NameInvalid(f"{run_id!r} cannot name a run: use letters, digits, '_' and '-'.")
    return run_id


def branch_name(name: str) -> str:
    """`name`, if git takes it as a branch (`git check-ref-format --branch`, without a process).

    Stricter than git in three points: no leading `-` in any part, no trailing dot in any part,
    and at most 200 characters, so that lock files and reflogs of it fit every file system.
    """
    parts = name.split("/")
    good = (
        0 < len(name.encode(errors="replace")) <= _BRANCH_LENGTH
        and not _BRANCH_FORBIDDEN.search(name)
        and name not in {"@", "HEAD"}
        and not name.startswith("refs/")
        and all(
            part and part[0] not in ".-" and not part.endswith((".", ".lock")) for part in parts
        )
    )
    if not good or _UNPRINTABLE.search(name):
        raise NameInvalid(f"{name!r} is not a name that git takes for a branch.")
    return name


def commit_name(value: str) -> str:
    """7 to 40 hex digits or `HEAD`, as the API takes them."""
    if value != "HEAD" and not _COMMIT.fullmatch(value):
        raise CommitInvalid(f"{value!r} is not a commit: give 7 to 40 hex digits, or HEAD.")
    return value


def tree_path(value: str) -> tuple[str, ...]:
    """The parts of a path inside a workspace. `..`, absolute paths and `.git` are refused."""
    if not value or "\x00" in value or "\\" in value or value.startswith("/"):
        raise PathForbidden("This path does not lie in the workspace.")
    parts = PurePosixPath(value).parts
    if not parts or any(part == ".." or is_git_dir_name(part) for part in parts):
        raise PathForbidden("This path does not lie in the workspace.")
    return parts


def is_git_dir_name(part: str) -> bool:
    """Whether a file system could take `part` for `.git`, as git itself guards against.

    HFS+ ignores some code points and case, NTFS knows `GIT~1` and drops trailing dots and spaces.
    """
    plain = "".join(character for character in part if character.isprintable()).casefold()
    plain = plain.split(":", 1)[0].rstrip(". ")
    return plain in {".git", "git~1"}


def mirror_key(source: str) -> str:
    """A readable, unique directory name for the mirror of `source`."""
    digest = hashlib.sha256(source.encode(errors="surrogateescape")).hexdigest()[:12]
    return f"{_last_part(source)[:40].strip('-') or 'repository'}-{digest}"


def _last_part(source: str) -> str:
    last = re.split(r"[/:]", source.rstrip("/").removesuffix(".git"))[-1]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", last)


def step_subject(step_id: str, agent_id: str, summary: str) -> str:
    """`step/<STEP> (<agent>): <summary ≤ 100 characters>`, one line."""
    line = one_line(summary) or "done"
    if len(line) > SUMMARY_CHARACTERS:
        line = line[: SUMMARY_CHARACTERS - 1].rstrip() + "…"
    return f"step/{one_line(step_id)} ({one_line(agent_id)}): {line}"


def parse_subject(subject: str) -> tuple[str, str, str]:
    """`(step, agent, summary)`; step and agent are empty when it is no step's commit."""
    match = _SUBJECT.fullmatch(subject)
    return (match["step"], match["agent"], match["summary"]) if match else ("", "", subject)


def one_line(text: str) -> str:
    return " ".join(_UNPRINTABLE.sub(" ", text).split())
