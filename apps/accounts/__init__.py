"""Who is calling: users, API keys, agent session tokens, stream tickets.

Does not own: what a caller may see of a run or an agent; that is the `access` of each app.
Start reading at `authentication.py`.
"""
