"""Programmatic tool calling: the agent writes Python that calls its tools as functions.

`sdk.py` turns tool schemas into a Python module and into one-line signatures, `server.py` answers
the calls of that module, `tool.py` is `exec_code` itself.
"""
