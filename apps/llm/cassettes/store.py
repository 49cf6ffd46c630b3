"""Cassettes on disk: one JSON file a request, readable in a diff."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Cassette:
    """`chunks` as they came from the provider, in order."""

    request: dict[str, Any]
    chunks: tuple[str, ...]


class CassetteStore:
    def __init__(self, directory: Path | str) -> None:
        self._directory = Path(directory)

    def save(self, key: str, cassette: Cassette) -> None:
        """Appears whole or not at all; the last one recorded wins."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = {"request": cassette.request, "chunks": list(cassette.chunks)}
        partial = path.with_suffix(f".{os.getpid()}.part")
        partial.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
        partial.replace(path)

    def load(self, key: str) -> Cassette | None:
        return _read(self._path(key))

    def all(self) -> Iterator[Cassette]:
        for path in sorted(self._directory.glob("??/*.json")):
            cassette = _read(path)
            if cassette is not None:
                yield cassette

    def _path(self, key: str) -> Path:
        return self._directory / key[:2] / f"{key}.json"


def _read(path: Path) -> Cassette | None:
    try:
        data = orjson.loads(path.read_bytes())
        return Cassette(request=data["request"], chunks=tuple(data["chunks"]))
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError):
        return None
