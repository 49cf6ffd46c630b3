"""The agent process inside a box: `python -m workers.runtime`. No Django, no provider key.

It takes commands from the session's Redis stream, runs the model and the tools, and tells what
happens on the session's other two streams. Start reading at `session.py`.
"""
