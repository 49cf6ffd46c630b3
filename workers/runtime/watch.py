"""Tell which files change in the workspace."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

from watchfiles import Change, DefaultFilter, awatch

from workers.protocol.messages import FileChange, Message

logger = logging.getLogger(__name__)

DEBOUNCE_MS = 100
IGNORED = frozenset({".git", "node_modules", "dist", "logs", "__pycache__", ".venv"})
MAX_EVENTS_PER_BATCH = 200
_KINDS: dict[Change, Literal["create", "modify", "delete"]] = {
    Change.added: "create",
    Change.modified: "modify",
    Change.deleted: "delete",
}


class _Filter(DefaultFilter):
    def __init__(self, root: Path) -> None:
        super().__init__(ignore_dirs=())
        self._root = root

    def __call__(self, change: Change, path: str) -> bool:
        try:
            parts = Path(path).relative_to(self._root).parts
        except ValueError:
            return False
        return not IGNORED.intersection(parts) and super().__call__(change, path)


async def watch_files(
    root: Path, publish: Callable[[Message], None], request_id: Callable[[], str]
) -> None:
    """Publish a `fileChange` for each file that changes under `root`, until cancelled."""
    root = root.resolve()
    try:
        async for changes in awatch(
            root, watch_filter=_Filter(root), debounce=DEBOUNCE_MS, step=20, rust_timeout=500
        ):
            found = sorted(_files(changes), key=lambda item: item[1])
            for change, path in found[:MAX_EVENTS_PER_BATCH]:
                publish(
                    FileChange(
                        request_id=request_id(),
                        path=str(path.relative_to(root)),
                        change_type=_KINDS[change],
                        size=path.stat().st_size if path.is_file() else None,
                    )
                )
    except (OSError, RuntimeError) as exc:
        # Out of inotify watches, say: the work itself does not depend on this.
        logger.warning("file watching ended: %s", exc)


def _files(changes: Iterable[tuple[Change, str]]) -> Iterator[tuple[Change, Path]]:
    """The files of a batch. What a new directory got before it was watched is found by looking."""
    seen = {path for _, path in changes}
    for change, name in changes:
        path = Path(name)
        if not path.is_dir():
            yield change, path
        elif change is Change.added:
            for directory, below, files in os.walk(path):
                below[:] = [part for part in below if part not in IGNORED]
                inside = (Path(directory, file) for file in files)
                yield from ((change, file) for file in inside if str(file) not in seen)
