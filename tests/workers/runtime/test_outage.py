"""Redis goes away while an agent talks: nothing is lost, nothing is said twice."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from tests.support.cut_proxy import CutProxy
from tests.support.model_server import Answer, calls
from tests.workers.runtime.conftest import Start
from workers.protocol.messages import AgentStep, Idle, StepEnd
from workers.runtime import bus, session


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[CutProxy]:
    made = CutProxy(tmp_path / "redis.sock", urlsplit(settings.REDIS_URL).path)
    yield made
    made.close()


def url_through(proxy: CutProxy) -> str:
    url: str = settings.REDIS_URL
    return url.replace(urlsplit(url).path, str(proxy.path))


@pytest.mark.parametrize("cuts", [1, 4])
async def test_a_cut_loses_and_repeats_no_byte(start: Start, proxy: CutProxy, cuts: int) -> None:
    words = " ".join(f"w{number}" for number in range(400))
    driver = start(
        [Answer(text=words, pause_s=0.015), calls("bash", command="seq 1 50"), calls("complete")],
        redis_url=url_through(proxy),
    )
    driver.send(AgentStep(request_id="r1", prompt="go"))
    await driver.until(driver.said)
    for _ in range(cuts):
        proxy.cut()
        before = len(driver.read())
        await asyncio.sleep(3 / cuts)
        assert len(driver.read()) == before
        proxy.mend()
        await asyncio.sleep(0.3)
    end = await driver.end_of("r1", 40)
    assert end.success
    await driver.until(lambda: driver.messages(Idle))

    heard = driver.read()
    seqs = [envelope.seq for envelope in heard]
    assert sorted(set(seqs)) == list(range(1, max(seqs) + 1))  # no gap; a repeat has its number
    told = {envelope.seq: envelope.message for envelope in heard}
    text = "".join(
        getattr(message, "data", "")
        for _, message in sorted(told.items())
        if message.type == "stdout" and getattr(message, "source", "") == "assistant"
    )
    assert text == words
    assert len({m.request_id for m in told.values() if isinstance(m, StepEnd)}) == 1


async def test_a_command_sent_during_a_cut_is_done_after_it(start: Start, proxy: CutProxy) -> None:
    driver = start([calls("complete", summary="late")], redis_url=url_through(proxy))
    await driver.until(driver.read)
    proxy.cut()
    driver.send(AgentStep(request_id="r1", prompt="go"))
    await asyncio.sleep(1)
    proxy.mend()
    assert (await driver.end_of("r1")).summary == "late"


async def test_a_full_buffer_slows_the_agent_and_keeps_all(
    start: Start, proxy: CutProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "BUFFER_LIMIT_BYTES", 2_000)
    words = " ".join(f"w{number}" for number in range(300))
    driver = start(
        [Answer(text=words, pause_s=0.01), calls("complete")], redis_url=url_through(proxy)
    )
    driver.send(AgentStep(request_id="r1", prompt="go"))
    await driver.until(driver.said)
    proxy.cut()
    await asyncio.sleep(5)
    assert len(driver.server.requests) == 1  # type: ignore[attr-defined]  # it waits for room
    proxy.mend()
    assert (await driver.end_of("r1")).success
    assert driver.said() == words


async def test_a_session_that_nobody_can_hear_ends_by_itself(
    start: Start, proxy: CutProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(session, "ORPHAN_AFTER_S", 1.0)
    monkeypatch.setattr(session, "LAST_FLUSH_S", 0.1)
    driver = start(redis_url=url_through(proxy))
    await driver.until(driver.read)
    proxy.cut()
    assert driver.session is not None
    await asyncio.wait_for(driver.session, 10)
