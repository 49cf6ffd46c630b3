"""PostgreSQL and Valkey from their wheels, for a laptop and for tests.

Owns: data directories, sockets and the start, readiness, stop and recovery of both servers.
Does not own: which process watches them (the supervisor does, see `djinnbot/cli/platform`).
Start reading at `postgres.py`. Nothing here imports Django.
"""
