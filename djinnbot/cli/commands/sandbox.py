"""`djinn sandbox`: the homes of agents, and the boxes that they work in."""

import base64
import sys
from pathlib import Path
from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_facts, print_json, print_json_line, print_rows, say

_HOME = ("agent_id", "used_mb", "total_mb", "over_quota", "files", "directories", "tools")
_ENTRY = ("type", "size", "modified", "name", "target")
_BOX = ("id", "status", "agent_id", "backend", "run_id", "step_id", "memory_mb", "created_at")
_EGRESS = ("verdict", "host", "port", "count", "bytes_sent", "bytes_received")
_ENDED = {"stopped", "crashed", "failed"}


@click.group()
@global_options
def sandbox() -> None:
    """Look into agents' homes and boxes."""


@sandbox.command()
@click.argument("agent_id")
@global_options
def show(agent_id: str) -> None:
    """Show what an agent's home takes up, its tools and its first level."""
    found: Any = Api(current_options()).get(f"/v1/agents/{agent_id}/sandbox")
    if current_options().json:
        print_json(found)
        return
    print_facts((name, found.get(name)) for name in _HOME)
    print_rows(found["tree"], _ENTRY)


@sandbox.command("ls")
@click.argument("agent_id")
@click.argument("path", default="")
@global_options
def list_directory(agent_id: str, path: str) -> None:
    """List a directory of an agent's home."""
    api = Api(current_options())
    rows: list[Any] = []
    after = ""
    while True:
        page: Any = api.call(
            "GET", f"/v1/agents/{agent_id}/sandbox/tree", params={"path": path, "after": after}
        )
        rows += page["items"]
        after = page["next"] or ""
        if not after:
            break
    print_rows(rows, _ENTRY)


@sandbox.command()
@click.argument("agent_id")
@click.argument("path")
@global_options
def cat(agent_id: str, path: str) -> None:
    """Print a file of an agent's home, at most its first MiB."""
    found: Any = Api(current_options()).call(
        "GET", f"/v1/agents/{agent_id}/sandbox/file", params={"path": path}
    )
    if current_options().json:
        print_json(found)
        return
    text = found["content"]
    data = text.encode() if found["encoding"] == "utf-8" else base64.b64decode(text)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    if found["truncated"]:
        say(f"Cut: the file has {found['size']} bytes.")


@sandbox.command()
@click.argument("agent_id")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("path")
@global_options
def put(agent_id: str, source: Path, path: str) -> None:
    """Copy the file SOURCE to PATH in an agent's home."""
    body = {"content": base64.b64encode(source.read_bytes()).decode(), "encoding": "base64"}
    Api(current_options()).call(
        "PUT", f"/v1/agents/{agent_id}/sandbox/file", body=body, params={"path": path}
    )


@sandbox.command("rm")
@click.argument("agent_id")
@click.argument("path")
@global_options
def remove(agent_id: str, path: str) -> None:
    """Remove a file or directory of an agent's home."""
    Api(current_options()).call(
        "DELETE", f"/v1/agents/{agent_id}/sandbox/file", params={"path": path}
    )


@sandbox.command()
@click.argument("agent_id")
@global_options
def reset(agent_id: str) -> None:
    """Empty an agent's home. Refused while the agent works."""
    options = current_options()
    if not options.yes:
        click.confirm(f"Remove everything in the home of {agent_id}?", abort=True)
    Api(options).post(f"/v1/agents/{agent_id}/sandbox/reset")


@sandbox.command()
@click.option("--all", "every", is_flag=True, help="Those that have ended too (the last 50).")
@click.option("--agent", default="", help="Only boxes of this agent.")
@global_options
def boxes(every: bool, agent: str) -> None:
    """List boxes that exist now."""
    found: Any = Api(current_options()).get(
        "/v1/containers", live="" if every else "true", agent_id=agent
    )
    rows = [
        {**row, "memory_mb": row["stats"].get("memory_bytes", 0) // 2**20} for row in found["items"]
    ]
    print_rows(rows, _BOX)


@sandbox.command()
@click.argument("box_id", type=int)
@click.option("-f", "--follow", is_flag=True, help="Go on until the box ends.")
@global_options
def logs(box_id: int, follow: bool) -> None:
    """Print the end of what a box wrote."""
    api = Api(current_options())
    path = f"/v1/containers/{box_id}"
    if not follow or api.get(path)["status"] in _ENDED:
        for line in api.get(f"{path}/logs")["lines"]:
            _print_line(line)
        return
    for frame in api.follow(f"{path}/logs/stream", "0"):
        if frame is not None:
            _print_line(frame.data)
        elif api.get(path)["status"] in _ENDED:
            return


def _print_line(line: dict[str, Any]) -> None:
    if current_options().json:
        print_json_line(line)
    else:
        click.echo(line["text"])


@sandbox.command()
@click.argument("box_id", type=int)
@global_options
def stop(box_id: int) -> None:
    """Stop a box: its step ends as cancelled, its files are kept."""
    Api(current_options()).post(f"/v1/containers/{box_id}/stop")


@sandbox.command()
@click.argument("session_id")
@global_options
def network(session_id: str) -> None:
    """Show which hosts a session's box asked for, and what was refused."""
    if not session_id.startswith("ses_"):
        raise CliError("Give the id of a session; `djinn runs show` names those of a run.")
    found: Any = Api(current_options()).get(f"/v1/sessions/{session_id}/egress")
    print_rows(found, _EGRESS)
