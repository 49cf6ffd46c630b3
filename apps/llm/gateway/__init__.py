"""The pass-through between an agent box and a model provider.

`asgi.py` serves it, `pipeline.py` is the way of a request, `plan.py` says who may answer,
`attempt.py` sends, relays and settles, `observe.py` reads along. What a call costs and whether it
may be made is `apps.llm.ledger`.
"""
