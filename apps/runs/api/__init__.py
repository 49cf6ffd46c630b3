"""Runs over HTTP. Answers are plain rows of `selectors.py`; the serializers check what comes in
and describe what goes out."""
