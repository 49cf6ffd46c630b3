"""Of a test that ran out of time: what its event loops wait for, and which processes it left.

pytest-timeout tells where each thread stands. A coroutine that waits stands nowhere.
"""

import asyncio
import contextlib
import gc
import inspect
import sys
from typing import Any

import psutil
import pytest
import pytest_timeout  # type: ignore[import-untyped]

_dump_stacks = pytest_timeout.dump_stacks


def pytest_configure(config: pytest.Config) -> None:
    pytest_timeout.dump_stacks = _dump_all


def pytest_unconfigure(config: pytest.Config) -> None:
    pytest_timeout.dump_stacks = _dump_stacks


def _dump_all(terminal: Any) -> None:
    _dump_stacks(terminal)
    sys.stderr.write(f"\n{pending_tasks()}\n{child_processes()}\n")  # the report shows it


def pending_tasks() -> str:
    """The tasks of all event loops of this process, each with the way to where it waits."""
    found = [one for one in gc.get_objects() if issubclass(type(one), asyncio.Task)]
    told = [f"{task}\n{_way(task.get_coro())}" for task in found if not task.done()]
    return "\n".join(told) or "No asyncio task is pending."


def _way(waiting: Any) -> str:
    """`Task.print_stack` stops at the first coroutine."""
    lines = []
    while waiting is not None:
        kind = next((kind for kind in ("cr", "ag", "gi") if hasattr(waiting, f"{kind}_frame")), "")
        frame = getattr(waiting, f"{kind}_frame", None)
        where = f"{frame.f_code.co_filename}:{frame.f_lineno} " if frame else ""
        lines.append(f"  {where}{waiting!r}")
        if kind:
            waiting = getattr(waiting, f"{kind}_{'yieldfrom' if kind == 'gi' else 'await'}")
        else:  # a step of an asynchronous generator knows it, and does not say so
            held = gc.get_referents(waiting)
            waiting = next((one for one in held if inspect.isasyncgen(one)), None)
    return "\n".join(lines)


def child_processes() -> str:
    lines = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            lines.append(f"{child.pid} {child.status()} {' '.join(child.cmdline())[:160]}")
    return "\n".join(["Child processes:", *lines])
