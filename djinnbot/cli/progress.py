"""Events of a run as lines for a person."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from djinnbot.cli.client import Frame

_ARGUMENT_CHARS = 100
_RESULT_CHARS = 120
_OUTPUT_CHARS = 200
_INDENT = "    "

Data = Mapping[str, Any]
_WAITS_FOR = {
    "storage_low": "the disk is nearly full",
    "storage_away": "the data directory is away",
    "project_quota": "what its project stores is over the quota",
}


class Progress:
    """Prints frames in the order given. Streamed text is held back until its line is whole."""

    def __init__(self) -> None:
        self._text: dict[str, str] = {}  # step id: the unfinished line
        self._tools: dict[str, str] = {}  # tool call id: tool name
        self._show: dict[str, Callable[[Data], None]] = {
            "RUN_CREATED": self._run_created,
            "RUN_STATUS_CHANGED": self._run_status,
            "RUN_UPDATED": self._run_status,
            "STEP_STARTED": self._step_started,
            "STEP_OUTPUT": self._step_output,
            "STEP_COMPLETE": self._step_complete,
            "STEP_FAILED": self._step_failed,
            "STEP_RETRYING": self._step_retrying,
            "STEP_CANCELLED": self._step_cancelled,
            "LOOP_ITEM_COMPLETE": self._item_complete,
            "LOOP_ITEM_FAILED": self._item_failed,
            "TOOL_CALL_START": self._tool_start,
            "TOOL_CALL_END": self._tool_end,
            "FILE_CHANGED": self._file_changed,
            "COMMIT_FAILED": self._commit_failed,
            "TEMPLATE_WARNING": self._template_warning,
            "NETWORK_BLOCKED": self._network_blocked,
            "RUN_WAITING": self._run_waiting,
            "APPROVAL_REQUESTED": self._approval_requested,
            "APPROVAL_DECIDED": self._approval_decided,
            "HUMAN_INTERVENTION": self._intervention,
            "CONTAINER_CRASHED": self._box_crashed,
            "CONTAINER_LIMIT": self._box_limited,
        }

    def show(self, frame: Frame) -> None:
        handler = self._show.get(frame.type)
        if handler is None:
            return
        if frame.type != "STEP_OUTPUT":
            self._finish_text(str(frame.data.get("stepId", "")))
        handler(frame.data)

    # Runs

    def _run_created(self, data: Data) -> None:
        task = _short(str(data.get("taskDescription", "")), _OUTPUT_CHARS)
        _line(f"pipeline {data.get('pipelineId', '')}: {task}", bold=True)

    def _run_status(self, data: Data) -> None:
        if status := data.get("status"):
            _line(f"run is {status}", dim=True)

    # Steps

    def _step_started(self, data: Data) -> None:
        agent = data.get("agentId")
        item = f" item {data['itemIndex'] + 1}" if isinstance(data.get("itemIndex"), int) else ""
        again = f" (attempt {data['attempt']})" if int(data.get("attempt") or 1) > 1 else ""
        _line(
            f"▶ {data.get('stepId', '')}{item}{f' · {agent}' if agent else ''}{again}",
            fg="cyan",
            bold=True,
        )

    def _step_output(self, data: Data) -> None:
        step = str(data.get("stepId", ""))
        *whole, rest = (self._text.get(step, "") + str(data.get("chunk", ""))).split("\n")
        for text in whole:
            _said(text)
        self._text[step] = rest

    def _finish_text(self, step: str) -> None:
        if text := self._text.pop(step, ""):
            _said(text)

    def _step_complete(self, data: Data) -> None:
        commit = str(data.get("commitHash") or "")[:10]
        _line(f"✔ {data.get('stepId', '')}{f' · commit {commit}' if commit else ''}", fg="green")
        outputs = data.get("outputs")
        for name, value in outputs.items() if isinstance(outputs, Mapping) else ():
            _line(f"{_INDENT}{name} = {_short(_plain(value), _RESULT_CHARS)}", dim=True)

    def _step_failed(self, data: Data) -> None:
        _line(f"✘ {data.get('stepId', '')}: {data.get('error', '')}", fg="red")

    def _step_retrying(self, data: Data) -> None:
        why = _short(str(data.get("feedback", "")), _OUTPUT_CHARS)
        _line(f"↻ {data.get('stepId', '')} again{f': {why}' if why else ''}", fg="yellow")

    def _step_cancelled(self, data: Data) -> None:
        _line(f"■ {data.get('stepId', '')} stopped: {data.get('reason', '')}", fg="yellow")

    def _item_complete(self, data: Data) -> None:
        _line(f"{_INDENT}✔ item {data.get('itemId', '')}", fg="green")

    def _item_failed(self, data: Data) -> None:
        _line(f"{_INDENT}✘ item {data.get('itemId', '')}: {data.get('error', '')}", fg="red")

    # Tools

    def _tool_start(self, data: Data) -> None:
        name = str(data.get("toolName", ""))
        self._tools[str(data.get("toolCallId", ""))] = name
        _line(f"{_INDENT}→ {name} {_arguments(data.get('args'))}", fg="blue")

    def _tool_end(self, data: Data) -> None:
        name = self._tools.pop(str(data.get("toolCallId", "")), str(data.get("toolName", "")))
        failed = bool(data.get("isError"))
        result = _short(_plain(data.get("result", "")), _RESULT_CHARS)
        took = f" {data['durationMs']} ms" if isinstance(data.get("durationMs"), int) else ""
        colour = "red" if failed else None
        _line(f"{_INDENT}← {name}{took} {result}", fg=colour, dim=not failed)

    def _file_changed(self, data: Data) -> None:
        _line(f"{_INDENT}± {data.get('action', '')} {data.get('path', '')}", fg="yellow")

    # The rest

    def _commit_failed(self, data: Data) -> None:
        _line(f"{_INDENT}commit failed: {data.get('error', '')}", fg="red")

    def _template_warning(self, data: Data) -> None:
        _line(f"{_INDENT}unknown in the template: {_plain(data.get('missing'))}", fg="yellow")

    def _network_blocked(self, data: Data) -> None:
        place, reason = f"{data.get('host')}:{data.get('port')}", data.get("reason", "")
        _line(f"{_INDENT}⊘ {place} was refused ({reason})", fg="red")

    def _run_waiting(self, data: Data) -> None:
        reason = str(data.get("reason", ""))
        _line(f"the run waits: {_WAITS_FOR.get(reason, reason)}", fg="yellow")

    def _approval_requested(self, data: Data) -> None:
        _line(f"? approval {data.get('approvalId', '')}: {data.get('text', '')}", fg="magenta")
        if run := data.get("runId"):
            _line(f"{_INDENT}djinn runs approve {run}   or   djinn runs reject {run}", dim=True)

    def _approval_decided(self, data: Data) -> None:
        _line(f"! approval {data.get('approvalId', '')}: {data.get('decision', '')}", fg="magenta")

    def _intervention(self, data: Data) -> None:
        text = _short(str(data.get("context", "")), _OUTPUT_CHARS)
        _line(f"! {data.get('action', '')} by a person{f': {text}' if text else ''}", fg="magenta")

    def _box_crashed(self, data: Data) -> None:
        memory = ", out of memory" if data.get("oomKilled") else ""
        _line(f"{_INDENT}the box ended with code {data.get('exitCode')}{memory}", fg="red")

    def _box_limited(self, data: Data) -> None:
        what = {
            "memory": "a process was ended for its memory",
            "pids": "no more processes can be started",
            "disk": "it wrote more than it may",
        }
        limit = str(data.get("limit", ""))
        _line(f"{_INDENT}the box is at a limit: {what.get(limit, limit)}", fg="yellow")


def _line(text: str, **style: Any) -> None:
    click.secho(text, **style)


def _said(text: str) -> None:
    if text.strip():
        _line(f"{_INDENT}{_short(text, _OUTPUT_CHARS)}", dim=True)


def _short(text: str, most: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _arguments(raw: Any) -> str:
    """`path=a.py command="…"` from the JSON text of a call; the text itself if it is none."""
    try:
        found = json.loads(raw) if isinstance(raw, str) else raw
    except ValueError:
        return _short(str(raw), _ARGUMENT_CHARS)
    if not isinstance(found, Mapping):
        return _short(_plain(found or ""), _ARGUMENT_CHARS)
    return _short(
        " ".join(f"{name}={_plain(value)}" for name, value in found.items()), _ARGUMENT_CHARS
    )
