"""What a person should hear of about their account. Who delivers listens to `account_notice`.

Sent with `user`, `kind` (`new_device`, `refresh_reuse`, `second_factor`, `password`) and `facts`.
"""

from django.dispatch import Signal

account_notice = Signal()
