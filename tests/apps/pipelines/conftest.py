"""A data directory of its own, and the callers."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rest_framework.test import APIClient

Write = Callable[[str, str | bytes], Path]

GOOD = """\
id: {id}
name: {name}
agents: [{{id: yukihiro, name: Yukihiro}}]
steps: [{{id: ONE, agent: yukihiro, input: do}}]
"""


def good(pipeline_id: str, name: str = "Mine") -> str:
    return GOOD.format(id=pipeline_id, name=name)


@pytest.fixture
def data_dir(settings: Any, tmp_path: Path) -> Path:
    settings.PIPELINES_DIR = tmp_path / "pipelines"
    settings.PIPELINES_DIR.mkdir()
    directory: Path = settings.PIPELINES_DIR
    return directory


@pytest.fixture
def write(data_dir: Path) -> Write:
    def file(name: str, text: str | bytes) -> Path:
        path = data_dir / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return file


@pytest.fixture
def admin(db: None, data_dir: Path, api_client: "Callable[..., APIClient]") -> "APIClient":
    from apps.accounts.models import User

    return api_client(User.objects.create_user("admin", is_staff=True))


@pytest.fixture
def reader(db: None, data_dir: Path, api_client: "Callable[..., APIClient]") -> "APIClient":
    from apps.accounts.models import User

    return api_client(User.objects.create_user("reader"))
