"""Live events: one Redis reader a process (`hub.py`), fan-out in memory (`outbox.py`), and the two
ways out: the websocket (`consumer.py`) and server-sent events (`sse.py`)."""
