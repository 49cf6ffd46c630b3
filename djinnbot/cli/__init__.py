"""`djinn`: the command line.

Owns: starting and stopping the platform on this machine (`platform/`), and commands that speak
to a platform over HTTP (`commands/`, `client.py`). Imports no Django and touches no table.
Start reading at `main.py`.
"""
