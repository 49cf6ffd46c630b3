"""grep and find."""

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import regex  # type: ignore[import-untyped]  # its searches can be ended and let threads run
from pydantic_ai import ToolFailed

from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.limits import MAX_BYTES, clip_line

MAX_MATCHES = 100
MAX_FILES = 1000
_GREP_TIMEOUT_S = 60
_LINE_TIMEOUT_S = 2
_SKIPPED = frozenset({".git", "node_modules", "__pycache__", ".venv"})


class SearchTools:
    def __init__(self, context: ToolContext) -> None:
        self._context = context

    async def grep(
        self,
        pattern: str,
        path: str = ".",
        glob: str = "",
        ignoreCase: bool = False,
        literal: bool = False,
        context: int = 0,
        limit: int = MAX_MATCHES,
    ) -> str:
        """Search file contents; lines come back as `file:line: text`, at most 100 matches.

        Args:
            pattern: A regular expression, or plain text with `literal`.
            path: File or directory to search.
            glob: Only files whose name fits, such as `*.py`.
            ignoreCase: Take upper and lower case as equal.
            literal: Take the pattern as plain text.
            context: Lines to show before and after each match.
            limit: How many matches to show at most.
        """
        real = self._context.resolve(path)
        if not real.exists():
            raise ToolFailed(f"{path} does not exist.")
        limit = max(1, min(limit, MAX_MATCHES))
        context = max(0, min(context, 20))
        expression = regex.escape(pattern) if literal else pattern
        try:
            compiled = regex.compile(expression, regex.IGNORECASE if ignoreCase else 0)
        except regex.error as exc:
            raise ToolFailed(f"The pattern is not a regular expression: {exc}.") from exc
        try:
            async with asyncio.timeout(_GREP_TIMEOUT_S):
                found = await self._candidates(pattern, real, glob, ignoreCase, literal)
        except TimeoutError as exc:
            raise ToolFailed("The search took longer than 60 s. Narrow the path.") from exc
        try:
            lines, matches = await asyncio.to_thread(
                _matching_lines, found, compiled, context, limit, self._context
            )
        except TimeoutError as exc:
            raise ToolFailed(
                "The pattern takes too long on some line: nested repetition, such as (a+)+, does"
                " that. Write it more simply."
            ) from exc
        if not matches:
            return "[no match]"
        return "\n".join(lines)

    async def find(self, pattern: str, path: str = ".", limit: int = MAX_FILES) -> str:
        """Find files and directories by name, as paths relative to `path`.

        A pattern without a slash is compared with the name; one with a slash with the whole
        relative path, where `**` stands for any directories.

        Args:
            pattern: Such as `*.py` or `src/**/test_*.py`.
            path: Directory to search.
            limit: How many to list at most.
        """
        real = self._context.resolve(path)
        if not real.is_dir():
            raise ToolFailed(f"{path} is not a directory.")
        limit = max(1, min(limit, MAX_FILES))
        fits = _glob_to_regex(pattern)
        whole = "/" in pattern

        def collect() -> list[str]:
            found = []
            for relative in _walk(real, with_directories=True):
                if fits.fullmatch(relative if whole else os.path.basename(relative)):
                    found.append(relative)
                    if len(found) > limit:
                        break
            return found

        found = await asyncio.to_thread(collect)
        if not found:
            return "[nothing found]"
        if len(found) > limit:
            return "\n".join([*found[:limit], f"[more than {limit}; narrow the pattern]"])
        return "\n".join(found)

    async def _candidates(
        self, pattern: str, real: Path, glob: str, ignore_case: bool, literal: bool
    ) -> list[Path]:
        """Files that may match: found by ripgrep where it is installed, else all of them."""
        if real.is_file():
            return [real]
        program = shutil.which("rg")
        if program is None:
            fits = _glob_to_regex(glob) if glob else None
            return [
                real / name
                for name in await asyncio.to_thread(lambda: list(_walk(real)))
                if fits is None or fits.fullmatch(name if "/" in glob else os.path.basename(name))
            ]
        arguments = ["--files-with-matches", "--null", "--sort", "path", "--no-messages"]
        arguments += ["--hidden", "--glob", "!.git"]
        arguments += ["--ignore-case"] if ignore_case else []
        arguments += ["--fixed-strings"] if literal else []
        arguments += ["--glob", glob] if glob else []
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            "--regexp",
            pattern,
            "--",
            str(real),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            stdout, stderr = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        if process.returncode == 2 and not stdout and b"regex parse error" in stderr:
            raise ToolFailed(f"The pattern is not understood: {stderr.decode()[:500]}")
        return [Path(os.fsdecode(name)) for name in stdout.split(b"\0") if name]


def _matching_lines(
    files: list[Path], pattern: "regex.Pattern[str]", around: int, limit: int, context: ToolContext
) -> tuple[list[str], int]:
    shown: list[str] = []
    used = matches = 0
    for file in files:
        for line, is_match in _hits(file, pattern, around, context.shown(file)):
            if matches == limit and is_match:
                shown.append(f"[stopped at {limit} matches; narrow the search]")
                return shown, matches
            if used + len(line.encode()) > MAX_BYTES:
                shown.append("[stopped at 50 KB; narrow the search]")
                return shown, matches
            shown.append(line)
            used += len(line.encode()) + 1
            matches += is_match
    return shown, matches


def _hits(
    file: Path, pattern: "regex.Pattern[str]", around: int, name: str
) -> Iterator[tuple[str, bool]]:
    """Lines to show of one file, and whether each is a match (or stands near one)."""
    try:
        data = file.read_bytes()
    except OSError:
        return
    if b"\0" in data[:8192]:
        return
    lines = data.decode(errors="replace").splitlines()
    hits = [
        number
        for number, line in enumerate(lines)
        if pattern.search(line, timeout=_LINE_TIMEOUT_S, concurrent=True)
    ]
    hit_set = set(hits)
    last = -1
    for hit in hits:
        for number in range(max(hit - around, last + 1), min(hit + around + 1, len(lines))):
            is_match = number in hit_set
            mark = ":" if is_match else "-"
            yield f"{name}{mark}{number + 1}{mark} {clip_line(lines[number])}", is_match
            last = number


def _walk(root: Path, *, with_directories: bool = False) -> Iterator[str]:
    """Relative paths under `root`, sorted, without version control and installed packages."""
    for directory, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in _SKIPPED)
        relative = os.path.relpath(directory, root)
        prefix = "" if relative == "." else f"{relative}/"
        if with_directories:
            yield from (prefix + name for name in names)
        yield from (prefix + name for name in sorted(files))


def _glob_to_regex(pattern: str) -> re.Pattern[str]:
    parts = []
    position = 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            parts.append("(?:.*/)?")
            position += 3
        elif pattern.startswith("**", position):
            parts.append(".*")
            position += 2
        elif pattern[position] == "*":
            parts.append("[^/]*")
            position += 1
        elif pattern[position] == "?":
            parts.append("[^/]")
            position += 1
        else:
            parts.append(re.escape(pattern[position]))
            position += 1
    return re.compile("".join(parts))
