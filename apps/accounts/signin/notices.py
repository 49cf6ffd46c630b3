"""What a person should hear of about their account. Who delivers listens to `account_notice`.

Sent with `user`, `kind` (`new_device`, `refresh_reuse`, `recovery_code`, `second_factor`,
`password`, `key`) and `facts`, in the transaction that makes it true. With `user` None and kind
`waitlist` it is for administrators.
"""

from django.dispatch import Signal

account_notice = Signal()
