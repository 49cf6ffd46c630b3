"""Pipeline definitions: parse, validate, library, snapshots, and the pure next-step decision.

Does not own: run state. Nothing here starts work.
Start reading at `definition.py`, then `decide.py`.
"""
