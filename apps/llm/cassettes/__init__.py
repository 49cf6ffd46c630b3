"""Recorded model calls: `record` keeps each whole answer, `replay` gives it again, offline.

A cassette is a file named by the hash of its request with all that changes from run to run taken
out (`canonical.py`). No header is kept, so no key; what looks like one in a text is masked.
"""
