"""What ends a session ends all of it, in bounded time, also when something does not want to."""

import asyncio
import itertools
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.workers.runtime.conftest import Start
from workers.protocol.messages import Abort, Ready, RefreshGrants, Shutdown, ToolCommand, ToolStart
from workers.runtime import endings
from workers.runtime.endings import tasks_ended

OF_A_SESSION = {"commands", "heartbeats", "work", "files", "stop", "bus-sender", "aside"}


async def stubborn(gives_in: Callable[[int], bool]) -> None:
    """Swallows cancellations until it gives in, by how many there were."""
    for count in itertools.count(1):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if gives_in(count):
                raise


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "_AGAIN_S", 0.01)


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    task = asyncio.create_task(stubborn(lambda count: count == 3))
    await asyncio.sleep(0)
    assert await tasks_ended([task, None], within_s=30)
    assert task.cancelled()


async def test_a_task_that_never_ends_is_not_waited_for() -> None:
    given_in = asyncio.Event()
    task = asyncio.create_task(stubborn(lambda count: given_in.is_set()))
    await asyncio.sleep(0)
    assert not await tasks_ended([task], within_s=0.1)
    given_in.set()
    assert await tasks_ended([task], within_s=30)


def test_a_process_ends_although_a_thread_of_it_does_not() -> None:
    code = (
        "import threading; from workers.runtime.endings import exit_within\n"
        "exit_within(0.1, 7); threading.Thread(target=threading.Event().wait).start()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], timeout=60, capture_output=True, check=False
    )
    assert done.returncode == 7
    assert b"did not end by itself" in done.stderr


async def test_a_session_that_is_cancelled_leaves_no_task(start: Start) -> None:
    driver = start()
    await driver.until(lambda: driver.messages(Ready))
    driver.send(ToolCommand(request_id="t1", tool_name="bash", args={"command": "sleep 60"}))
    await driver.until(lambda: driver.messages(ToolStart))
    assert driver.session is not None
    driver.session.cancel()
    await asyncio.wait({driver.session}, timeout=30)
    assert driver.session.cancelled()
    left = {task.get_name() for task in asyncio.all_tasks()}
    assert not left & (OF_A_SESSION | {"t1"})


async def test_a_shutdown_does_not_wait_for_an_api_that_says_nothing(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        driver = start(api_url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        driver.send(RefreshGrants())
        driver.send(Abort(request_id=""))
        driver.send(Shutdown())
        assert driver.session is not None
        await asyncio.wait({driver.session}, timeout=20)
        assert driver.session.done()
        assert driver.session.result() == 0
