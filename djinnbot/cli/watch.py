"""Following a run: events as they come, each printed once, until the run has ended."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import click

from djinnbot.cli.client import SILENCE_S, Api, Frame, HistoryGone
from djinnbot.cli.errors import CliError, Exit, Unreachable
from djinnbot.cli.options import current_options
from djinnbot.cli.output import print_json_line, say
from djinnbot.cli.progress import Progress

TERMINAL = frozenset({"completed", "failed", "cancelled"})
_ENDS = frozenset({"RUN_COMPLETE", "RUN_FAILED", "RUN_CANCELLED"})
_AWAY_S = 300.0
# Silent this long, the run itself tells whether it ended: soon if its end was told, or may have
# been before we came; late if what is still to be told must only be slow.
_IDLE_S = 3.0
_SLOW_S = 30.0


def watch_run(api: Api, run_id: str, *, since: str = "0", timeout_s: float = 0) -> int:
    """Print a run's events until it ends; the exit code tells how. Ctrl-C leaves the run going."""
    try:
        run = _Watch(api, run_id, timeout_s).to_end(since)
    except KeyboardInterrupt:
        _explain_detached(run_id)
        return Exit.INTERRUPTED
    if current_options().json:
        print_json_line({"type": "RUN", "run": run})
    else:
        _print_end(run)
    return Exit.OK if run["status"] == "completed" else Exit.RUN_FAILED


class _Watch:
    def __init__(self, api: Api, run_id: str, timeout_s: float) -> None:
        self.api = api
        self.run_id = run_id
        self.timeout_s = timeout_s
        self.deadline = time.monotonic() + timeout_s if timeout_s else float("inf")
        self.show = _printer()

    def to_end(self, since: str) -> dict[str, Any]:
        """The run in its final state.

        A platform that is away while the run is watched is waited for, for some minutes.
        """
        self.api.get(f"/v1/runs/{self.run_id}")  # fails at once if there is nothing to watch
        try:
            return self._to_end(since)
        except HistoryGone:
            say("Older events of this run are no longer kept; these are the new ones.")
            return self._to_end("$")

    def _to_end(self, since: str) -> dict[str, Any]:
        path = f"/v1/events/stream/{self.run_id}"
        heard = time.monotonic()
        idle_s = _SLOW_S if since == "0" else _IDLE_S
        for frame in self.api.follow(path, since, silence_s=self._silence_s):
            self._check_deadline()
            if frame is not None:
                heard = time.monotonic()
                self.show(frame)
                if frame.type not in _ENDS:
                    continue
                idle_s = _IDLE_S
            elif time.monotonic() - heard < idle_s:
                continue
            run = self._run_if_reached(heard)
            if run is not None and run["status"] in TERMINAL:
                return run
        raise AssertionError("a stream is followed for ever")

    def _run_if_reached(self, heard: float) -> dict[str, Any] | None:
        try:
            found = self.api.get(f"/v1/runs/{self.run_id}")
        except Unreachable:
            if time.monotonic() - heard > _AWAY_S:
                raise
            return None
        assert isinstance(found, dict)
        return found

    def _silence_s(self) -> float:
        return max(0.1, min(SILENCE_S, self.deadline - time.monotonic()))

    def _check_deadline(self) -> None:
        if time.monotonic() > self.deadline:
            raise CliError(
                f"Run {self.run_id} did not end in {self.timeout_s:g} s and goes on. Watch it: "
                f"`djinn runs watch {self.run_id}`.",
                Exit.TIMEOUT,
            )


def _printer() -> Callable[[Frame], None]:
    options = current_options()
    if options.json:
        return lambda frame: print_json_line(frame.raw)
    return (lambda frame: None) if options.quiet else Progress().show


def _explain_detached(run_id: str) -> None:
    click.echo(
        f"\nNo longer watching; run {run_id} goes on.\n"
        f"  watch it again:  djinn runs watch {run_id}\n"
        f"  cancel it:       djinn runs cancel {run_id}",
        err=True,
    )


def _print_end(run: Mapping[str, Any]) -> None:
    colour = {"completed": "green", "failed": "red"}.get(str(run["status"]), "yellow")
    text = f"Run {run['id']} {run['status']}"
    if run.get("error"):
        text += f": {run['error']}"
    click.secho(text, fg=colour, bold=True)
    if run.get("task_branch"):
        click.echo(f"Branch {run['task_branch']} of {run.get('repository') or 'its workspace'}.")
