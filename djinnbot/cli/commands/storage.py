"""`djinn storage`: room on the disk, what takes it up, and the cleaner."""

import time
from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_facts, print_json, print_rows, say

_USAGE = ("kind", "name", "size", "files", "quota", "over", "measured_at")
_LOOK_S = 0.3
_DELETION = ("kind", "size", "path", "reason")


@click.group()
@global_options
def storage() -> None:
    """Show what takes up the disk, and clean up."""


@storage.command()
@global_options
def show() -> None:
    """Show the room left, and each part of the data root as last measured."""
    found: Any = Api(current_options()).get("/v1/storage")
    if current_options().json:
        print_json(found)
        return
    room = found["storage"]
    print_facts(_room(room))
    rows = [
        _usage(kind, row)
        for kind in ("section", "agent", "project")
        for row in sorted(found[f"{kind}s"], key=lambda row: -row["bytes"])
    ]
    print_rows(rows, _USAGE)


def _room(room: dict[str, Any]) -> dict[str, object]:
    facts: dict[str, object] = {"state": room["state"], "reason": room.get("reason")}
    if "free_bytes" in room:
        facts["free"] = f"{size_text(room['free_bytes'])} ({room['free_percent']} %)"
        facts["file_system"] = room["filesystem"]
    if room.get("juicefs_mounted"):
        facts["volume"] = room["juicefs_volume"]
        facts["mounted_for_s"] = room["mount_age_s"]
    if "object_store_healthy" in room:
        facts["object_store"] = "answers" if room["object_store_healthy"] else "does not answer"
    return {name: value for name, value in facts.items() if value is not None}


@storage.command()
@global_options
def measure() -> None:
    """Measure now instead of within the hour."""
    Api(current_options()).post("/v1/storage/measure")
    say("Measuring; `djinn storage show` tells the result.")


@storage.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@global_options
def clean(dry_run: bool) -> None:
    """Take away what no run needs: dead directories, merged branches, old logs."""
    options = current_options()
    if not dry_run and not options.yes:
        click.confirm("Remove what nobody needs any more? (--dry-run shows it)", abort=True)
    found = _done(Api(options), dry_run)
    if options.json:
        print_json(found)
        return
    rows = [{**row, "size": size_text(row["bytes"])} for row in found["deletions"]]
    print_rows(rows, _DELETION)
    word = "would be freed" if dry_run else "freed"
    say(f"{found['found']} things, {size_text(found['freed_bytes'])} {word}.")


def _done(api: Api, dry_run: bool) -> dict[str, Any]:
    """Start a cleaning and wait for its end. Raises CliError when it failed."""
    found: dict[str, Any] = api.post("/v1/storage/clean", {"dry_run": dry_run})
    while found["status"] in {"queued", "running"}:
        time.sleep(_LOOK_S)
        found = api.get(f"/v1/storage/clean/{found['id']}")
    if found["status"] == "failed":
        raise CliError(found["error"])
    return found


def _usage(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    quota = row["quota_bytes"]
    return {
        **row,
        "kind": kind,
        "size": size_text(row["bytes"]),
        "quota": size_text(quota) if quota else "",
        "over": row["is_over"],
    }


def size_text(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"
