"""What the agent runtime costs: its import, each streamed piece of text, each call from code.

- Import: until the box says that it is ready, and whole, beside the model library alone.
- Streaming: a model server stamps each piece; how old it is when the reader of the session's
  stream has it, beside a bare HTTP client that reads the same server.
- Code: one tool call from `exec_code`, beside an HTTP request to the same port without a tool.
Usage: python -m tests.benchmarks runtime
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import redis

from djinnbot.embedded.layout import layout_of
from tests.benchmarks.harness import Interleaved, Samples, report
from tests.support.servers import valkey_server
from workers.protocol.keys import StreamKeys
from workers.protocol.messages import AgentStep, Ready, StepEnd, ToolEnd
from workers.protocol.wire import decode, encode

ROUNDS = 5
CHUNKS = 80
GAP_S = 0.025  # 40 pieces a second, as a fast model sends them
CALLS = 100
REPOSITORY = Path(__file__).resolve().parents[2]

_CODE = f"""
import http.client, json, time, djinnbot_tools
def bare():
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    connection.request("POST", "/tool/x", b"{{}}", {{"x-djinnbot-key": "wrong"}})
    connection.getresponse().read()
def timed(call):
    taken = []
    for _ in range({CALLS}):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return taken
import re
PORT = int(re.search(r'"127.0.0.1", (\\d+)', open(djinnbot_tools.__file__).read()).group(1))
print(json.dumps([timed(bare), timed(lambda: ls())]))
"""


def main() -> None:
    _imports()
    with tempfile.TemporaryDirectory(prefix="djinnbot-bench-") as place, _model() as url:
        layout = layout_of(Path(place))
        with valkey_server(layout) as server, _session(server.url(), url, Path(place)) as session:
            _streaming(session, url)
            _code(session)


# Import


def _imports() -> None:
    bench = Interleaved("import, until usable")
    bench.add("python alone", lambda: [_run("pass")])
    bench.add("model library (pydantic-ai)", lambda: [_run("import pydantic_ai")])
    bench.add("runtime, until ready is said", lambda: [_run("import workers.runtime.main")])
    bench.add("runtime, whole", lambda: [_run("import workers.runtime.engine")])
    bench.run(ROUNDS)


def _run(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)
    return time.perf_counter() - began


# Streaming


@contextmanager
def _model() -> Iterator[str]:
    """A server whose answers are pieces of text, each the moment at which it was sent.

    A prompt that holds code is answered with a call of `exec_code`.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            last = body["messages"][-1]
            if last["role"] == "user" and str(last["content"]).startswith("CODE"):
                call = {"name": "exec_code", "arguments": json.dumps({"code": _CODE})}
                self._send({"tool_calls": [{"index": 0, "id": "c", "type": "function",
                                            "function": call}]})  # fmt: skip
                self._send({}, "tool_calls")
            else:
                for _ in range(CHUNKS):
                    time.sleep(GAP_S)
                    self._send({"content": f"{time.time_ns()} "})
                self._send({}, "stop")
            self._write("data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")

        def _send(self, delta: dict[str, Any], finish: str | None = None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                     "choices": [choice]}  # fmt: skip
            self._write(f"data: {json.dumps(chunk)}\n\n")

        def _write(self, text: str) -> None:
            self.wfile.write(f"{len(text):x}\r\n{text}\r\n".encode())
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class _Session:
    """The reading side of one session whose runtime is a process of its own."""

    def __init__(self, client: "redis.Redis", keys: StreamKeys) -> None:
        self.client = client
        self.keys = keys
        self._last = {keys.evt: "0", keys.out: "0"}
        self._sent = 0

    def ask(self, prompt: str) -> str:
        self._sent += 1
        step = AgentStep(request_id=f"r{self._sent}", prompt=prompt)
        self.client.xadd(self.keys.cmd, encode(step, seq=self._sent, ts=1))  # type: ignore[arg-type]
        return step.request_id

    def until(self, done: Callable[[Any, int], bool]) -> None:
        """Read messages as they come; `done(message, now_ns)` says when to stop."""
        while True:
            found: Any = self.client.xread(self._last, block=60_000)  # type: ignore[arg-type]
            now = time.time_ns()
            assert found, "the session has gone silent"
            pairs = found.items() if isinstance(found, dict) else found
            for key, entries in pairs:
                name = key.decode()
                if isinstance(found, dict):
                    entries = [entry for batch in entries for entry in batch]
                for entry_id, fields in entries:
                    self._last[name] = entry_id
                    kind = "evt" if name == self.keys.evt else "out"
                    if done(decode(fields, stream=kind).message, now):  # type: ignore[arg-type]
                        return


@contextmanager
def _session(redis_url: str, model_url: str, place: Path) -> Iterator[_Session]:
    (place / "work").mkdir()
    environment = {
        **os.environ,
        "SESSION_ID": "ses_bench",
        "SESSION_KIND": "chat",
        "REDIS_URL": redis_url,
        "DJINNBOT_API_URL": model_url,
        "DJINNBOT_SESSION_TOKEN": "none",
        "AGENT_MODEL": "bench/model",
        "HOME": str(place),
        "WORKSPACE_PATH": str(place / "work"),
        "TMPDIR": str(place),
    }
    with open(place / "runtime.log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.runtime"], cwd=REPOSITORY, env=environment, stderr=log
        )
    session = _Session(redis.Redis.from_url(redis_url), StreamKeys("ses_bench"))
    try:
        session.until(lambda message, now: isinstance(message, Ready))
        yield session
    finally:
        process.terminate()
        process.wait(15)


def _streaming(session: _Session, url: str) -> None:
    bench = Interleaved("age of a streamed piece when it is read")
    bench.add("bare HTTP client", lambda: _bare_ages(url))
    bench.add("runtime, stream and reader", lambda: _ages(session))
    bench.run(ROUNDS)
    ours, bare = _ages(session), _bare_ages(url)
    overhead = statistics.median(ours) - statistics.median(bare)
    report("streaming", "overhead a piece, p50", ms=round(overhead * 1e3, 3), goal_ms=5)


def _bare_ages(url: str) -> Samples:
    ages: Samples = []
    body = {"messages": [{"role": "user", "content": "go"}], "stream": True}
    with httpx2.Client() as client, client.stream("POST", url, json=body) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                delta = json.loads(line[6:])["choices"][0]["delta"]
                ages += _ages_of(delta.get("content", ""), time.time_ns())
    return ages


def _ages(session: _Session) -> Samples:
    ages: Samples = []
    request_id = session.ask("go")

    def done(message: Any, now: int) -> bool:
        if message.type == "stdout":
            ages.extend(_ages_of(message.data, now))
        return isinstance(message, StepEnd) and message.request_id == request_id

    session.until(done)
    return ages


def _ages_of(text: str, now_ns: int) -> Samples:
    return [(now_ns - int(word)) / 1e9 for word in text.split()]


# Code


def _code(session: _Session) -> None:
    printed: list[str] = []
    for _ in range(ROUNDS):
        request_id = session.ask("CODE")

        def done(message: Any, now: int, request_id: str = request_id) -> bool:
            if isinstance(message, ToolEnd) and message.tool_name == "exec_code":
                printed.append(message.result)
            return isinstance(message, StepEnd) and message.request_id == request_id

        session.until(done)
    for name, place in (("request without a tool", 0), ("call of a tool (ls)", 1)):
        medians = [statistics.median(json.loads(text)[place]) for text in printed]
        report("a call from code", name, p50_ms=round(statistics.median(medians) * 1e3, 3))


if __name__ == "__main__":
    main()
