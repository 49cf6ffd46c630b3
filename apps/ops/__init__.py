"""Operating an instance: what its data takes up, and taking away what nobody needs any more.

Owns measurements of the data root. Owns none of the data: each thing on disk belongs to its app.
Start reading at `cleaner.py` and `usage.py`.
"""
