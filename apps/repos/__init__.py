"""Git: mirrors, worktrees, branches, commits of steps, history.

Does not own: what a run is. A workspace knows its run by id only.
Start reading at `services/`.
"""
