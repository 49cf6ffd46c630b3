"""A step's outputs, from the four places where an agent may leave them.

For each declared output the first of these wins: the `complete` call, the structured answer, a
result file that the step changed, a `KEY: value` line of the final text.
"""

import errno
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

MAX_RESULT_BYTES = 1024 * 1024
SUMMARY_CHARS = 100
_PLACES = ((), (".djinnbot", "outputs"))
_SUFFIXES = ("txt", "md", "json", "sql", "yml", "yaml", "html")
_SUMMARY_KEYS = ("result", "decision", "implementation", "status", "description")
_LINE = re.compile(r"^([A-Z][A-Z0-9_]*|[a-z][a-z0-9_]*):[ \t]*(.*)$")

Stamp = tuple[int, int, int]  # inode, mtime_ns, size


def structured_outputs(answer: str, declared: Sequence[str], model: str) -> dict[str, str]:
    """Outputs from a structured answer: its declared properties, and the whole as JSON."""
    value: Any = json.loads(answer)
    outputs = {"_structured_json": answer, "_model_used": model}
    if not isinstance(value, dict):
        value = {}
    for name in declared:
        if name in value:
            outputs[name] = _text(value[name])
    if len(declared) == 1 and declared[0] not in value:
        outputs[declared[0]] = answer
    return outputs


def text_outputs(text: str) -> dict[str, str]:
    """`KEY: value` lines; lines indented by two blanks continue the value."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.splitlines():
        match = _LINE.match(line)
        if match:
            current = found[match[1].lower()] = [match[2].strip()]
        elif current is not None and line.startswith("  "):
            current.append(line[2:])
        else:
            current = None
    return {key: "\n".join(lines).strip() for key, lines in found.items()}


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """The result files of a workspace as they stood before the step."""

    workspace: str
    before: Mapping[str, Stamp]

    @classmethod
    def look(cls, workspace: str) -> "ResultFiles":
        return cls(workspace, {path: stamp for path, _, stamp in _files(workspace)})

    def outputs(self, declared: Sequence[str]) -> dict[str, str]:
        """Values of the declared outputs that lie in files changed since."""
        wanted = {name: list(_file_names(name)) for name in declared}
        changed: dict[str, str] = {}
        for path, name, stamp in _files(self.workspace):
            if self.before.get(path) != stamp:
                changed.setdefault(name.lower(), path)
        found = {}
        for output, names in wanted.items():
            for name in names:
                text = _read(self.workspace, changed[name]) if name in changed else None
                if text is not None:
                    found[output] = text
                    break
        return found


def collected(
    declared: Sequence[str],
    *,
    completed: Mapping[str, str],
    summary: str,
    files: Mapping[str, str],
    text: str,
) -> dict[str, str]:
    """All outputs of a step. Empty values are left out; undeclared ones of `complete` are kept."""
    named = {**({"summary": summary} if summary else {}), **completed}
    lines = text_outputs(text)
    by_lower = {key.lower(): value for key, value in named.items()}
    outputs = dict(completed)
    for name in declared:
        sources = (
            named.get(name),
            by_lower.get(name.lower()),
            files.get(name),
            lines.get(name.lower()),
        )
        value = next((value for value in sources if value and value.strip()), None)
        if value is not None:
            outputs[name] = value
    return {name: value for name, value in outputs.items() if value.strip()}


def commit_summary(outputs: Mapping[str, str], said: str) -> str:
    """One line of at most 100 characters for the subject of the step's commit."""
    named = [outputs.get(key, "") for key in _SUMMARY_KEYS]
    candidates = [outputs.get("summary", ""), said, *named, *outputs.values()]
    for text in candidates:
        line = " ".join(text.split())
        if line:
            return line if len(line) <= SUMMARY_CHARS else f"{line[: SUMMARY_CHARS - 1]}…"
    return "no summary"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _file_names(output: str) -> Iterator[str]:
    """Names in lower case; `foo_json` may also lie in `foo.json`."""
    base = output.lower()
    yield from (f"{base}.{suffix}" for suffix in _SUFFIXES)
    if base.endswith("_json"):
        yield f"{base.removesuffix('_json')}.json"


# The workspace belongs to the agent: a name there may be a link to anywhere. Nothing is followed.


def _files(workspace: str) -> Iterator[tuple[str, str, Stamp]]:
    """(path below the workspace, name, stamp) of the files where results may lie."""
    for place in _PLACES:
        with _directory(workspace, place) as descriptor:
            if descriptor is None:
                continue
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if not entry.name.lower().endswith(_SUFFIXES):
                        continue
                    if not entry.is_file(follow_symlinks=False):
                        continue
                    found = entry.stat(follow_symlinks=False)
                    stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
                    yield "/".join((*place, entry.name)), entry.name, stamp


def _read(workspace: str, path: str) -> str | None:
    *place, name = path.split("/")
    with _directory(workspace, tuple(place)) as descriptor:
        if descriptor is None:
            return None
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            opened = os.open(name, flags, dir_fd=descriptor)
        except OSError:
            return None
        with os.fdopen(opened, "rb") as file:
            status = os.fstat(opened)
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_RESULT_BYTES:
                return None
            try:
                return file.read(MAX_RESULT_BYTES).decode().strip()
            except UnicodeDecodeError:
                return None


@contextmanager
def _directory(workspace: str, place: tuple[str, ...]) -> Iterator[int | None]:
    """A directory opened step by step without following a link; None when it is not there."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    opened: list[int] = []
    try:
        opened.append(os.open(workspace, flags))
        for part in place:
            opened.append(os.open(part, flags | os.O_NOFOLLOW, dir_fd=opened[-1]))
    except OSError as exc:
        if exc.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            raise
        yield None
    else:
        yield opened[-1]
    finally:
        for descriptor in opened:
            os.close(descriptor)
