"""Pipeline files on disk: the built-in layer and the data layer."""

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from apps.core.errors import Unavailable
from apps.pipelines.models import PipelineDefinition
from apps.pipelines.yaml_tree import MAX_BYTES

LIBRARY = Path(__file__).parent / "library"
SUFFIXES = (".yml", ".yaml")
Layer = PipelineDefinition.Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineFile:
    """One file as it was read; one too large in part. `error` says why it could not be."""

    layer: str
    path: Path
    mtime_ns: int
    data: bytes = b""
    error: str = ""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def text(self) -> str:
        """For show: what is no text is replaced."""
        return (
            self.data[:MAX_BYTES]
            .decode("utf-8", "replace")
            .replace("\0", "\N{REPLACEMENT CHARACTER}")
        )

    @property
    def shown_path(self) -> str:
        """A file name may be no text either."""
        return os.fsencode(self.path).decode("utf-8", "backslashreplace")


def data_directory() -> Path:
    return Path(settings.PIPELINES_DIR)


def layers() -> tuple[tuple[str, Path], ...]:
    """Lowest first."""
    return ((Layer.BUILTIN, LIBRARY), (Layer.DATA, data_directory()))


def stat_key() -> tuple[object, ...]:
    """Changes when a file is added, removed or written. Costs a stat a file."""
    return tuple(
        (str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino)
        for _, directory in layers()
        for path, stat in _candidates(directory)
    )


def read_files() -> list[PipelineFile]:
    """Every pipeline file, by layer and then by name."""
    return [
        _read(layer, path, stat.st_mtime_ns)
        for layer, directory in layers()
        for path, stat in _candidates(directory)
    ]


def write_file(path: Path, data: bytes) -> None:
    """Replace a file whole, or leave it as it was. Raises Unavailable."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise _unavailable(path, exc) from exc


def remove_file(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        raise _unavailable(path, exc) from exc


def free_path(pipeline_id: str) -> Path:
    """Where a new file of this id goes. Another pipeline may live under the first choice."""
    stem = f"_{pipeline_id}" if pipeline_id.startswith(".") else pipeline_id
    names = [f"{stem}.yml", f"{stem}.yaml", *(f"{stem}-{number}.yml" for number in range(2, 100))]
    paths = (data_directory() / name for name in names)
    return next(path for path in paths if not os.path.lexists(path))


def _candidates(directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """A broken link counts: it is somebody's file that cannot be read."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return
    for name in names:
        path = directory / name
        if name.startswith(".") or not name.endswith(SUFFIXES) or path.is_dir():
            continue
        try:
            yield path, path.lstat() if path.is_symlink() and not path.exists() else path.stat()
        except OSError:
            continue  # removed since it was listed


def _read(layer: str, path: Path, mtime_ns: int) -> PipelineFile:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as exc:
        error = f"The file cannot be read: {exc.strerror}."
        return PipelineFile(layer=layer, path=path, mtime_ns=mtime_ns, error=error)
    return PipelineFile(layer=layer, path=path, mtime_ns=mtime_ns, data=data)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unavailable(path: Path, exc: OSError) -> Unavailable:
    code = {
        errno.ENOSPC: "disk_full",
        errno.EDQUOT: "disk_full",
        errno.EROFS: "read_only",
        errno.EACCES: "read_only",
        errno.EPERM: "read_only",
    }.get(exc.errno or 0, "dependency_down")
    return Unavailable(f"{path.name} cannot be written: {exc.strerror}.", code=code)
