"""Tasks that beat sends."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from apps.core.models import Event
from workers.tasks.upkeep import sync_libraries

PIPELINE = """
id: dropped
name: Dropped
version: 1
agents: [{id: eric, name: Eric}]
steps: [{id: SPEC, agent: eric, input: write it}]
"""


@pytest.mark.django_db
def test_file_that_nobody_reads_is_told_of(settings: LazySettings, tmp_path: Path) -> None:
    settings.PIPELINES_DIR = tmp_path
    sync_libraries()
    (tmp_path / "dropped.yml").write_text(PIPELINE)

    sync_libraries()

    told = Event.objects.filter(type="PIPELINE_CHANGED", payload__pipelineId="dropped")
    assert [event.payload["action"] for event in told] == ["created"]
    sync_libraries()
    assert told.count() == 1
