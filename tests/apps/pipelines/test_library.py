"""The library on disk: two layers, live, with broken files in it."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.core.errors import NotFound, Unavailable
from apps.core.events import events_after
from apps.pipelines import files, library
from apps.pipelines.errors import PipelineInvalid, PipelineNotFound
from apps.pipelines.models import PipelineDefinition, PipelineSnapshot
from apps.pipelines.parse import pipeline_from_snapshot
from apps.pipelines.selectors import definition_find, definition_get, definition_list
from apps.pipelines.services import library_sync, pipeline_save, snapshot_get_or_create
from apps.pipelines.versions import version_get, versions_of
from tests.apps.pipelines.conftest import Write, good
from tests.apps.pipelines.test_builtin import IDS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


def listed() -> dict[str, PipelineDefinition]:
    return {row.pipeline_id: row for row in definition_list()}


def changes() -> list[tuple[str, str]]:
    frames = events_after("pipelines", 0)
    assert all(frame.type == "PIPELINE_CHANGED" for frame in frames)
    return [(frame.data["pipelineId"], frame.data["action"]) for frame in frames]


def test_the_built_in_ones_are_listed_and_valid() -> None:
    rows = listed()
    assert set(rows) == IDS
    assert all(row.valid and row.layer == "builtin" for row in rows.values())


def test_a_dropped_file_is_listed_at_the_next_look(write: Write) -> None:
    listed()
    write("mine.yml", good("mine"))
    assert listed()["mine"].layer == "data"
    write("other.yaml", good("other"))
    assert "other" in listed()


def test_the_id_counts_and_not_the_file_name(write: Write) -> None:
    write("file.yml", good("name"))
    assert "name" in listed()
    assert "file" not in listed()


def test_a_file_of_the_data_layer_wins_whole(write: Write) -> None:
    path = write("anything.yml", good("bugfix", "Our bugfix"))
    row = definition_get("bugfix")
    assert (row.layer, row.name) == ("data", "Our bugfix")
    assert len([row for row in definition_list() if row.pipeline_id == "bugfix"]) == 1
    path.unlink()
    assert definition_get("bugfix").layer == "builtin"


def test_of_two_files_with_one_id_the_first_by_name_wins(write: Write) -> None:
    write("b.yml", good("twice", "Second"))
    write("a.yaml", good("twice", "First"))
    assert definition_get("twice").name == "First"
    first, second = (row for row in definition_list() if row.pipeline_id == "twice")
    assert (first.valid, second.valid) == (True, False)
    assert second.problems[0]["code"] == "P012"
    assert "a.yaml" in second.problems[0]["message"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"id: [broken", "P002"),
        (b"\xff\xfe\x00binary\x00" * 100, "P001"),
        (b"id: x\x00y", "P002"),
        (b"x" * (1024 * 1024 + 5), "P001"),
        (b"", "P003"),
        (b"name: only", "P004"),
    ],
)
def test_a_bad_file_is_listed_with_its_errors(write: Write, data: bytes, code: str) -> None:
    write("bad.yml", data)
    row = listed()["bad"]
    assert not row.valid
    assert code in [problem["code"] for problem in row.problems]
    assert set(listed()) == {*IDS, "bad"}
    with pytest.raises(PipelineInvalid):
        snapshot_get_or_create(row)


def test_a_broken_override_does_not_bring_back_the_built_in_one(write: Write) -> None:
    write("ours.yml", "id: bugfix\nname: [broken\n")
    row = definition_get("bugfix")
    assert (row.layer, row.valid) == ("data", False)


def test_a_file_that_breaks_keeps_the_id_it_had(write: Write) -> None:
    write("ours.yml", good("bugfix"))
    listed()
    write("ours.yml", b"\xff\xff")
    assert definition_get("bugfix").valid is False


def test_unreadable_and_odd_files_hurt_nobody(data_dir: Path) -> None:
    (data_dir / "link.yml").symlink_to(data_dir / "nowhere")
    (data_dir / "folder.yml").mkdir()
    (data_dir / ".hidden.yml").write_text(good("hidden"))
    (data_dir / "notes.txt").write_text("x")
    with open(os.fsencode(data_dir) + b"/odd-\xff.yml", "wb") as stream:
        stream.write(b"x")
    rows = listed()
    assert set(rows) == {*IDS, "link", "odd-\\xff"}
    assert rows["link"].problems[0]["code"] == "P001"


def test_a_data_directory_that_is_not_there_is_empty(settings: Any, tmp_path: Path) -> None:
    settings.PIPELINES_DIR = tmp_path / "none"
    assert set(listed()) == IDS


def test_changes_are_told_once(write: Write) -> None:
    library_sync()
    before = len(changes())
    path = write("mine.yml", good("mine"))
    library_sync()
    library_sync()
    write("mine.yml", good("mine", "Other"))
    library_sync()
    path.unlink()
    library_sync()
    assert changes()[before:] == [("mine", "created"), ("mine", "updated"), ("mine", "deleted")]


def test_an_override_and_its_end_are_updates(write: Write) -> None:
    library_sync()
    before = len(changes())
    path = write("x.yml", good("execute"))
    library_sync()
    path.unlink()
    library_sync()
    assert changes()[before:] == [("execute", "updated"), ("execute", "updated")]


def test_rows_that_somebody_removed_come_back() -> None:
    library_sync()
    library._memory.remember(files.stat_key(), 10)
    PipelineDefinition.objects.all().delete()
    assert set(listed()) == IDS
    PipelineDefinition.objects.all().delete()
    assert definition_find("bugfix") is not None


def test_an_unchanged_library_costs_no_writing(write: Write) -> None:
    library_sync()
    library._memory.remember(files.stat_key(), 10)
    moment = definition_get("bugfix").updated_at
    library_sync()
    assert definition_get("bugfix").updated_at == moment


def test_an_unknown_pipeline_is_not_found() -> None:
    with pytest.raises(PipelineNotFound):
        definition_get("nobody")


class TestVersions:
    def test_each_text_that_counted_is_kept_once(self, write: Write) -> None:
        library_sync()
        assert not versions_of("bugfix").exists()  # as it was shipped
        shipped = definition_get("bugfix").yaml
        path = write("mine.yml", good("bugfix"))
        library_sync()
        assert [row.layer for row in versions_of("bugfix")] == ["data", "builtin"]
        library_sync()
        path.unlink()
        library_sync()
        rows = list(versions_of("bugfix"))
        assert [row.layer for row in rows] == ["builtin", "data", "builtin"]
        assert version_get("bugfix", rows[0].pk).yaml == shipped
        with pytest.raises(NotFound):
            version_get("engineering", rows[0].pk)

    def test_only_the_newest_are_kept(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("apps.pipelines.versions.VERSIONS_KEPT", 2)
        for number in range(4):
            write("x.yml", good("x") + f"# {number}\n")
            library_sync()
        texts = [version_get("x", row.pk).yaml[-4:] for row in versions_of("x")]
        assert texts == ["# 3\n", "# 2\n"]


class TestSnapshots:
    def test_runs_of_one_text_share_one(self, write: Write) -> None:
        first = snapshot_get_or_create(definition_get("bugfix"))
        assert snapshot_get_or_create(definition_get("bugfix")) == first
        write("x.yml", good("bugfix"))
        assert snapshot_get_or_create(definition_get("bugfix")) != first

    def test_it_gives_the_pipeline_in_the_order_of_the_file(self) -> None:
        snapshot = snapshot_get_or_create(definition_get("planning"))
        stored = PipelineSnapshot.objects.get(pk=snapshot.pk)
        schema = pipeline_from_snapshot(stored.parsed).steps[0].output_schema
        assert schema is not None
        item = schema.schema["properties"]["tasks"]["items"]
        assert list(item["properties"])[:3] == ["title", "description", "priority"]

    def test_an_invalid_one_is_refused_with_its_problems(self, write: Write) -> None:
        write("bad.yml", good("bad").replace("agent: yukihiro", "agent: nobody"))
        with pytest.raises(PipelineInvalid) as refused:
            snapshot_get_or_create(definition_get("bad"))
        assert refused.value.status == 422
        assert refused.value.extra["problems"][0]["code"] == "P008"


class TestFiles:
    def test_a_full_or_read_only_disk_leaves_the_old_file(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = data_dir / "a.yml"
        files.write_file(path, b"old")

        def refuse(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(Unavailable) as refused:
            files.write_file(path, b"new")
        assert refused.value.code == "disk_full"
        assert path.read_bytes() == b"old"
        assert [each.name for each in data_dir.iterdir()] == ["a.yml"]

    def test_another_pipeline_s_file_is_not_taken(self, write: Write) -> None:
        write("mine.yml", good("other"))
        assert files.free_path("mine").name == "mine.yaml"
        write("mine.yaml", good("third"))
        assert files.free_path("mine").name == "mine-2.yml"

    def test_an_id_with_a_dot_in_front_is_no_hidden_file(self) -> None:
        pipeline_save(pipeline_id=".x", text=good(".x"))
        assert definition_get(".x").valid


class TestCommand:
    def test_it_tells_what_changed(self, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
        library_sync()
        write("mine.yml", good("mine"))
        call_command("sync_pipelines")
        out = capsys.readouterr().out
        assert "created  mine" in out
        assert "11 pipelines, 0 with errors" in out

    def test_it_ends_with_an_error_when_one_is_broken(self, write: Write) -> None:
        write("bad.yml", "id: [")
        with pytest.raises(CommandError, match="bad"):
            call_command("sync_pipelines")


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_see_a_change_tell_it_once(write: Write) -> None:
    library_sync()
    write("mine.yml", good("mine"))

    def sync() -> None:
        try:
            library_sync()
        finally:
            connection.close()

    threads = [threading.Thread(target=sync) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [change for change in changes() if change[0] == "mine"] == [("mine", "created")]


@pytest.mark.django_db(transaction=True)
def test_a_look_without_a_change_asks_only_for_the_rows(
    django_assert_max_num_queries: Any,
) -> None:
    listed()
    with django_assert_max_num_queries(1):
        listed()
