from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from djinnbot.embedded.layout import layout_of
from tests.support.egress import Site, egress_served, site_served
from tests.workers.agent.conftest import world

__all__ = ["egress", "site", "world"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_served(tmp_path / "site") as served:
        yield served


@pytest.fixture
def egress(
    transactional_db: None, settings: LazySettings, site: Site, tmp_path: Path
) -> Iterator[Path]:
    """The proxy's socket; the site is on everybody's allow-list."""
    path = layout_of(Path(settings.DJINNBOT_HOME)).egress_socket
    settings.AGENTS_DIR = tmp_path / "agents"  # what a test configures ends with it
    settings.EGRESS_SOCKET = str(path)
    settings.EGRESS_ALLOW = [site.place]
    with egress_served(path):
        yield path
