"""The pass-through between an agent box and a model provider.

`asgi.py` serves it, `routes.py` chooses who answers, `attempts.py` sends and sends again,
`observe.py` reads along for the call log.
"""
