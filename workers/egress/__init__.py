"""The only way from a box to the network: a forward proxy that knows whose connection it carries.

`rules.py` decides, `proxy.py` speaks HTTP, `records.py` counts, `server.py` is the process. Start
reading at `proxy.py`. The box's end is `workers/runtime/forward.py`.
"""
