"""The frames that wait for one client: text melts together, state is never dropped."""

import orjson
import pytest

from apps.core.events import Frame
from apps.core.live.outbox import LIMIT, MELT_FROM, Outbox, Overflow


def frame(number: int, type: str = "STEP_OUTPUT", step: str = "s", topic: str = "run:a") -> Frame:
    data = {"stepId": step, "chunk": f"{number};"}
    body = {"id": str(number), "topic": topic, "type": type, "ts": "", "data": data}
    return Frame(topic, str(number), type, orjson.dumps(body).decode())


async def drained(outbox: Outbox) -> list[dict[str, object]]:
    outbox.close()
    return [orjson.loads(text) async for _, text in outbox.texts()]


async def test_a_quick_client_gets_each_frame_by_itself() -> None:
    outbox = Outbox()
    for number in range(MELT_FROM):
        outbox.put(frame(number))
    assert len(await drained(outbox)) == MELT_FROM


async def test_text_of_a_slow_client_melts_and_keeps_its_newest_id() -> None:
    outbox = Outbox()
    for number in range(5000):
        outbox.put(frame(number))
    frames = await drained(outbox)
    assert len(frames) < MELT_FROM + 50
    assert frames[-1]["id"] == "4999"
    chunks = "".join(f["data"]["chunk"] for f in frames)  # type: ignore[index]  # JSON
    assert chunks == "".join(f"{number};" for number in range(5000))


async def test_state_between_text_keeps_its_place() -> None:
    outbox = Outbox()
    for number in range(MELT_FROM):
        outbox.put(frame(number, "X"))
    for number, kind in enumerate(["STEP_OUTPUT", "STEP_OUTPUT", "STEP_COMPLETE", "STEP_OUTPUT"]):
        outbox.put(frame(1000 + number, kind))
    tail = [(f["type"], f["id"]) for f in (await drained(outbox))[MELT_FROM:]]
    assert tail == [("STEP_OUTPUT", "1001"), ("STEP_COMPLETE", "1002"), ("STEP_OUTPUT", "1003")]


async def test_text_of_two_steps_or_topics_does_not_mix() -> None:
    outbox = Outbox()
    for number in range(MELT_FROM):
        outbox.put(frame(number, "X"))
    for number in range(4):
        outbox.put(frame(number, step=f"s{number % 2}"))
    outbox.put(frame(9, topic="run:b"))
    assert len(await drained(outbox)) == MELT_FROM + 5


async def test_too_much_state_ends_the_connection() -> None:
    outbox = Outbox()
    for number in range(LIMIT + 1):
        outbox.put(frame(number, "STEP_COMPLETE"))
    assert outbox.overflowed.is_set()
    with pytest.raises(Overflow):
        async for _ in outbox.texts():
            pass
