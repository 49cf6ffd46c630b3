"""Personas: the directory format, the built-in library and its two overlays.

Does not own: what an agent is doing now (`sessions`).
Start reading at `directory.py`.
"""
