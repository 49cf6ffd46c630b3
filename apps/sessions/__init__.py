"""Agent sessions and the boxes they run in.

Does not own: why a session exists (`runs` and others point here, by foreign key).
Start reading at `models.py`.
"""
