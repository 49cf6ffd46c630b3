"""Model access: the gateway, the scripted model, cassettes, the call log.

Does not own: the agent loop (`workers.runtime`). No provider key leaves this app.
Start reading at `gateway/`.
"""
