"""Keeping the machine's secrets out of what is shown.

The memory map marks what is secret: the machine's own cloud account. Each secret byte shows as `**`, and so does the
check byte of such a message, since with a window of one byte it would give the byte away.
"""

from __future__ import annotations

from functools import lru_cache

from lmdecode.codec.fields import registers_in
from lmdecode.codec.message import OK, Message
from lmdecode.codec.record import MASK

__all__ = ["masked_data", "masked_plaintext", "touches_secret"]

_HEADER_SIZE = 9  # characters of kind and preamble


@lru_cache(maxsize=4096)
def touches_secret(address: int, length: int) -> bool:
    """Whether a window holds a secret byte.

    >>> touches_secret(0x0100, 0x11), touches_secret(0x0110, 2)
    (False, True)
    """
    return any(register.secret for register in registers_in(address, length))


def masked_data(message: Message) -> str | None:
    """The data of a message as hex, with its secret bytes masked."""
    if message.data is None:
        return None
    digits = message.data.hex()
    if not touches_secret(message.address, len(message.data)):
        return digits
    secret = {
        address
        for register in registers_in(message.address, len(message.data))
        if register.secret
        for address in range(register.address, register.end)
    }
    return "".join(
        MASK if message.address + index in secret else digits[2 * index : 2 * index + 2]
        for index in range(len(message.data))
    )


def masked_plaintext(message: Message, plaintext: str) -> str:
    """The plaintext of a message with its secret bytes masked; all of its data if that is damaged."""
    size = max(message.length, len(message.data or b""))
    payload = plaintext[_HEADER_SIZE:-2]
    if not payload or payload == OK or not touches_secret(message.address, size):
        return plaintext
    masked = masked_data(message)
    if masked is None or len(masked) != len(payload):
        masked = "*" * len(payload)
    return plaintext[:_HEADER_SIZE] + masked.upper() + MASK
