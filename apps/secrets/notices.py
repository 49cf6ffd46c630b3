"""What the owner of a secret should hear of. Who delivers listens to `secret_notice`.

Sent with `secret` and `kind` (`expires`, `rotation_due`), in a transaction.
"""

from django.dispatch import Signal

secret_notice = Signal()
