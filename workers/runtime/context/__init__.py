"""Keeps a conversation within the model's context window.

`sizes.py` estimates, `pruning.py` shortens old tool results, `compaction.py` puts a summary in the
place of old turns, `keeper.py` decides which of them a request needs.
"""
