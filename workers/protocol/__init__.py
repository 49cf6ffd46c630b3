"""What worker and box say to each other: messages, stream keys, limits. No Django, no Celery.

Start reading at `messages.py`; `wire.py` turns a message into a stream entry and back.
"""
