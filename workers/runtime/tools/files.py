"""read, write, edit, multiedit, ls."""

import asyncio
import difflib
import mimetypes
from collections.abc import Iterator
from pathlib import Path

from pydantic_ai import BinaryContent, ToolFailed, ToolReturn
from typing_extensions import TypedDict

from workers.runtime.model_facts import SEEING_EXAMPLES
from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.limits import MAX_BYTES, MAX_LINES, clip_bytes
from workers.runtime.tools.matching import Edit, apply_edits

MAX_EDIT_BYTES = 10 * 1024 * 1024
MAX_IMAGE_BYTES = 5 * 1024 * 1024
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class EditItem(TypedDict, total=False):
    oldText: str
    newText: str
    replaceAll: bool


class FileTools:
    def __init__(self, context: ToolContext) -> None:
        self._context = context

    async def read(self, path: str, offset: int = 1, limit: int = MAX_LINES) -> str | ToolReturn:
        """Read a text file, or look at an image (png, jpeg, gif, webp).

        At most 2000 lines or 50 KB come back; then the text says at which offset to go on.

        Args:
            path: Relative to the workspace, or absolute.
            offset: First line to read; lines count from 1.
            limit: How many lines to read at most.
        """
        real = self._existing_file(path)
        mime_type = mimetypes.guess_type(real.name)[0]
        if mime_type in _IMAGES:
            return self._image(real, mime_type)
        window = max(offset, 1), max(1, min(limit, MAX_LINES))
        try:
            return await asyncio.to_thread(_text_window, real, path, *window)
        except OSError as exc:
            raise ToolFailed(f"Cannot read {path}: {exc.strerror}.") from exc

    async def write(self, path: str, content: str) -> str:
        """Write a file, making its directories. An existing file is replaced.

        Args:
            path: Relative to the workspace, or absolute.
            content: The whole new content.
        """
        real = self._context.resolve_for_write(path)
        created = not real.exists()
        data = content.encode(errors="surrogatepass")
        try:
            real.parent.mkdir(parents=True, exist_ok=True)
            real.write_bytes(data)
        except OSError as exc:
            raise ToolFailed(f"Cannot write {path}: {exc.strerror}.") from exc
        verb = "Created" if created else "Replaced"
        return f"{verb} {self._context.shown(real)} ({len(data)} bytes)."

    async def edit(self, path: str, oldText: str, newText: str) -> str:
        """Replace one piece of text in a file. The old text must occur exactly once.

        Args:
            path: Relative to the workspace, or absolute.
            oldText: The text to replace, exactly as it stands in the file.
            newText: What to put in its place.
        """
        real, before = self._text_of(path)
        old, new = _same_line_ends(before, oldText, newText)
        found = before.count(old) if old else 0
        if not old or found == 0:
            raise ToolFailed(f"oldText was not found in {path}. Read the file and copy it exactly.")
        if found > 1:
            raise ToolFailed(
                f"oldText occurs {found} times in {path}. Add lines around it until it is unique."
            )
        after = before.replace(old, new, 1)
        self._replace(real, path, after)
        return _diff(self._context.shown(real), before, after)

    async def multiedit(self, path: str, edits: list[EditItem]) -> str:
        """Make several replacements in one file: all of them, or none.

        Each edit works on the result of those before it. Where the exact text is not found,
        differences in indentation and white space are forgiven if the place is clear.

        Args:
            path: Relative to the workspace, or absolute.
            edits: Items {oldText, newText, replaceAll?}.
        """
        if not edits:
            raise ToolFailed("edits is empty.")
        real, before = self._text_of(path)
        wanted = []
        for number, item in enumerate(edits, start=1):
            if "oldText" not in item or "newText" not in item:
                raise ToolFailed(f"Edit {number} needs oldText and newText.")
            old, new = _same_line_ends(before, item["oldText"], item["newText"])
            wanted.append(Edit(old=old, new=new, replace_all=item.get("replaceAll", False)))
        after, strategies = apply_edits(before, wanted)
        self._replace(real, path, after)
        ways = ", ".join(strategies)
        head = f"{len(wanted)} edits made in {self._context.shown(real)} (found by: {ways})."
        return f"{head}\n{_diff(self._context.shown(real), before, after)}"

    async def ls(self, path: str = ".", limit: int = 500) -> str:
        """List a directory. Names of directories end with a slash.

        Args:
            path: Relative to the workspace, or absolute.
            limit: How many entries to list at most.
        """
        real = self._context.resolve(path)
        try:
            entries = sorted(real.iterdir(), key=lambda entry: entry.name)
        except NotADirectoryError as exc:
            raise ToolFailed(f"{path} is not a directory.") from exc
        except OSError as exc:
            raise ToolFailed(f"Cannot list {path}: {exc.strerror}.") from exc
        limit = max(1, min(limit, 500))
        lines = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries[:limit]]
        if len(entries) > limit:
            lines.append(f"[{len(entries) - limit} more entries]")
        return "\n".join(lines) or "[empty directory]"

    def _existing_file(self, path: str) -> Path:
        real = self._context.resolve(path)
        if real.is_dir():
            raise ToolFailed(f"{path} is a directory. Use ls.")
        if not real.is_file():
            raise ToolFailed(f"{path} does not exist.")
        return real

    def _text_of(self, path: str) -> tuple[Path, str]:
        self._context.resolve_for_write(path)
        real = self._existing_file(path)
        if real.stat().st_size > MAX_EDIT_BYTES:
            raise ToolFailed(f"{path} is larger than 10 MB; change it with a command.")
        try:
            return real, real.read_bytes().decode()
        except UnicodeDecodeError as exc:
            raise ToolFailed(f"{path} is not UTF-8 text.") from exc
        except OSError as exc:
            raise ToolFailed(f"Cannot read {path}: {exc.strerror}.") from exc

    def _replace(self, real: Path, path: str, text: str) -> None:
        try:
            real.write_bytes(text.encode(errors="surrogatepass"))
        except OSError as exc:
            raise ToolFailed(f"Cannot write {path}: {exc.strerror}.") from exc

    def _image(self, real: Path, mime_type: str) -> ToolReturn:
        size = real.stat().st_size
        if not self._context.sees_images():
            raise ToolFailed(
                f"{self._context.shown(real)} is an image ({mime_type}, {size} bytes), and this "
                f"model cannot look at images. Models that can: {SEEING_EXAMPLES}."
            )
        if size > MAX_IMAGE_BYTES:
            raise ToolFailed(f"The image has {size} bytes; at most 5 MB can be shown.")
        return ToolReturn(
            return_value=f"Image {self._context.shown(real)}, {mime_type}, {size} bytes.",
            content=[BinaryContent(data=real.read_bytes(), media_type=mime_type)],
        )


def _text_window(real: Path, path: str, offset: int, limit: int) -> str:
    with real.open("rb") as file:
        if b"\0" in file.read(8192):
            raise ToolFailed(f"{path} is a binary file of {real.stat().st_size} bytes.")
    return _window(real, offset=offset, limit=limit)


def _window(real: Path, *, offset: int, limit: int) -> str:
    kept: list[str] = []
    used = 0
    for number, line in _lines(real):
        if number < offset:
            continue
        if len(kept) == limit or (used and used + len(line.encode()) > MAX_BYTES):
            kept.append(f"\n[More follows. Continue at offset {number}.]")
            break
        kept.append(line)
        used += len(line.encode())
    if not kept:
        return "[empty file]" if offset == 1 else f"[The file ends before line {offset}.]"
    return "".join(kept)


def _lines(real: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines; a line longer than the limit is cut, and says so."""
    with real.open("rb") as file:
        number = 0
        while chunk := file.readline(MAX_BYTES + 1):
            number += 1
            line = chunk.decode(errors="replace")
            if len(chunk) > MAX_BYTES and not chunk.endswith(b"\n"):
                rest = _skip_line(file)
                line = f"{clip_bytes(line, MAX_BYTES - 100)}… [{rest} more bytes in this line]\n"
            yield number, line


def _skip_line(file: object) -> int:
    skipped = 0
    while chunk := file.readline(1 << 20):  # type: ignore[attr-defined]  # a binary file
        skipped += len(chunk)
        if chunk.endswith(b"\n"):
            break
    return skipped


def _same_line_ends(text: str, *pieces: str) -> tuple[str, ...]:
    """The pieces with the line ends of `text`: models write \\n, some files have \\r\\n."""
    if "\r\n" not in text:
        return pieces
    return tuple(piece.replace("\r\n", "\n").replace("\n", "\r\n") for piece in pieces)


def _diff(name: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm="", n=3
    )
    return clip_bytes("\n".join(lines)) or "[no change]"
