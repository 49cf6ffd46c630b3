"""Cases and evaluations: a finished run, frozen, and run again to compare.

Does not own: runs, which this app only starts and reads; cassettes (`apps.llm.cassettes`).
Start reading at `services.py`.
"""
