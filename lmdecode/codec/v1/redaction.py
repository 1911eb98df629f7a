"""Keeping the machine's secrets out of what is shown.

The memory map marks what is secret: the machine's own cloud account. Each secret byte shows as `**`, and so does the
check byte of such a message, since with a window of one byte it would give the byte away. Of a damaged message nobody
knows which bytes are which, so if it may hold a secret, nothing of it is shown but its preamble.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lmdecode.codec.record import MASK
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.message import ADDRESS_SPACE, OK, Message, Parsed
from lmdecode.codec.v1.window import registers_in

_SECRETS = tuple(row for row in REGISTERS if row.secret)
ACCOUNT = (
    "the machine's own cloud account ("
    + ", ".join(f"0x{row.address:04X} to 0x{row.end - 1:04X}" for row in _SECRETS)
    + ")"
)
"""What is secret, in words."""
WITHHELD = "damaged, and withheld since it may hold the machine's cloud account (--show-secrets shows it)"
"""The problem of a message of which nothing is shown."""

_PREAMBLES = re.compile(rb"(?=([0-9A-Fa-f]{4})([0-9A-Fa-f]{4}))").finditer
_HEADER_SIZE = 9  # characters of kind and preamble


@lru_cache(maxsize=4096)
def touches_secret(address: int, length: int) -> bool:
    """Whether a window holds a secret byte.

    >>> touches_secret(0x0100, 0x11), touches_secret(0x0110, 2)
    (False, True)
    """
    return any(register.secret for register in registers_in(address, length))


def may_hold_secret(plaintext: bytes, parsed: Parsed) -> bool:
    """Whether a damaged message looks as if it held a secret. False if nothing is wrong with it."""
    if not parsed.problems:
        return False
    payload = (len(plaintext) - _HEADER_SIZE) // 2 + 1
    if parsed.message is not None:
        address, size = parsed.message.address, max(parsed.message.length, payload)
        # A window that runs past the end of memory may go on at its beginning.
        return touches_secret(address, size) or touches_secret(address - ADDRESS_SPACE, size)
    # No message at all: wherever in it eight digits could be a preamble, they may be one.
    return any(touches_secret(int(match[1], 16), max(int(match[2], 16), payload)) for match in _PREAMBLES(plaintext))


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
    """The plaintext of a faultless message with its secret bytes masked, and with the reason of a refused write."""
    payload = plaintext[_HEADER_SIZE:-2]
    size = max(message.length, (len(payload) + 1) // 2)
    if not payload or payload == OK or not touches_secret(message.address, size):
        return plaintext
    masked = masked_data(message) or MASK
    return plaintext[:_HEADER_SIZE] + masked.upper() + MASK
