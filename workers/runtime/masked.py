"""Masking what a session's process sends.

The worker masks once more: what leaves a box is not trusted. Tools mask what they give the model
(`workers.runtime.tools.masked`).
"""

from workers.protocol.masking import Masker
from workers.protocol.messages import Message


def message_masked(message: Message, masker: Masker) -> Message:
    if not masker:
        return message
    masked = {name: masker.masked_value(value) for name, value in message}
    changed = {name: value for name, value in masked.items() if value != getattr(message, name)}
    return message.model_copy(update=changed) if changed else message
