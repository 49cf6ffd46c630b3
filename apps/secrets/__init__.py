"""Secrets that agents may use: sealed values, who may use them, and who did.

Does not own: the platform's own credentials (provider keys, channel tokens: their apps seal them),
nor the masking itself (`workers.protocol.masking`); this app says what is to be masked.
Start reading at `usable.py`.
"""
