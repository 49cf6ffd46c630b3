"""The least that can stand for a provider: one stream of chat completions, on plain sockets.

Usage: python -m tests.benchmarks.bare_provider PORT
"""

import asyncio
import json
import sys

CHUNKS = 25
STREAM_S = 1.0

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _event(payload: object) -> bytes:
    data = b"data: " + json.dumps(payload).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


_PIECE = _event({"choices": [{"index": 0, "delta": {"content": "a piece of text "}}]})
_STOP = _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
_USAGE = _event({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": CHUNKS}})
_END = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            writer.write(_HEAD)
            for _ in range(CHUNKS):
                writer.write(_PIECE)
                await writer.drain()
                await asyncio.sleep(STREAM_S / CHUNKS)
            writer.write(_STOP + _USAGE + _END)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", port, backlog=1024)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
