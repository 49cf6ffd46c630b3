"""Runs and step executions: the durable state machine.

Does not own: what comes next (`pipelines.decide`) and how a step is executed (`workers.engine`).
Start reading at `machine.py`, then `services/`.
"""
