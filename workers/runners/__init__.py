"""Boxes: Docker containers, bubblewrap sandboxes or bare processes, behind one interface.

`base.py` is the interface, `registry.py` chooses. Errors of the tools below end here: callers see
`apps.core.errors.RunnerError` with the facts.
"""
