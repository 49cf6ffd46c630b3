"""Following the logs of the processes: one stream, each line with the name of its process."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_POLL_S = 0.2
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta")


@dataclass(slots=True)
class _Tail:
    """One growing file, followed through rotation."""

    path: Path
    from_end: bool
    _file: IO[bytes] | None = None
    _inode: int = 0
    _partial: bytes = field(default=b"")

    def read(self) -> Iterator[str]:
        if self._file is None and not self._open():
            return
        assert self._file is not None
        yield from self._lines(self._file.read())
        if self._rotated():
            self._file.close()
            self._file, self.from_end = None, False

    def _open(self) -> bool:
        try:
            self._file = self.path.open("rb")
        except FileNotFoundError:
            self.from_end = False  # it will be all new
            return False
        self._inode = os.fstat(self._file.fileno()).st_ino
        if self.from_end:
            self._file.seek(0, os.SEEK_END)
        return True

    def _rotated(self) -> bool:
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _lines(self, data: bytes) -> Iterator[str]:
        *whole, self._partial = (self._partial + data).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")


def follow(
    files: dict[str, Path], *, from_end: bool, until: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """(process, line) pairs as they are written, until `until` says so and all is read."""
    tails = {name: _Tail(path, from_end) for name, path in files.items()}
    ended = False
    while not ended:
        ended = until()
        for name, tail in tails.items():
            for line in tail.read():
                yield name, line
        if not ended:
            time.sleep(_POLL_S)


def last_lines(path: Path, count: int) -> list[str]:
    """The end of a log, oldest first; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 400 * count))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        return []


def colour_of(name: str, names: Sequence[str]) -> str:
    return _COLOURS[list(names).index(name) % len(_COLOURS)]
