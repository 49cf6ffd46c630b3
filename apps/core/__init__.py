"""Ids, errors, the event log, dispatch and API plumbing.

Owns: what every app needs and no app owns. Does not own: any domain word.
Start reading at `events.py` (how a change becomes visible) and `dispatch.py` (how work starts).
"""
