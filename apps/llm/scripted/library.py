"""Where scripts are found: those of the data root first, then the packaged ones."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from apps.llm.scripted.script import Script, ScriptError, load_script

PACKAGED = Path(__file__).resolve().parents[1] / "scripts"
AUTO = "auto"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def script_get(name: str) -> Script:
    """A script by name, read anew when its file changes."""
    path = _path(name)
    if path is None:
        known = ", ".join([AUTO, *script_names()])
        raise ScriptError(
            f"There is no script {name!r} for the scripted model. Known: {known}.",
            code="script_not_found",
            script=name,
        )
    return _load(path, path.stat().st_mtime_ns)


def script_names() -> list[str]:
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.yml")})


def _folders() -> Iterator[Path]:
    yield Path(settings.LLM_SCRIPTS_DIR)
    yield PACKAGED


def _path(name: str) -> Path | None:
    if not _NAME.fullmatch(name):
        return None
    paths = (folder / f"{name}.yml" for folder in _folders())
    return next((path for path in paths if path.is_file()), None)


@lru_cache(maxsize=64)
def _load(path: Path, mtime_ns: int) -> Script:
    return load_script(path)
