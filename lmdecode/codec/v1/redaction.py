"""Masks the machine's secrets in everything that is shown."""

# The memory map marks what is secret: the machine's own cloud account, 63 bytes with a GUID and a password. Captures
# are posted in public threads, so an owner who shares one must not share that. The key is another matter: it is never
# in a message, and `key` keeps it to itself.
#
# Masking happens where Records are made, in the decoder and the conversation, and nowhere else. Every output is made of
# Records, so none of them can forget it; a mask in each writer would be one new writer away from a leak. The price is
# that secrets are gone for good, so a user who wants them decodes again with --show-secrets.
#
# In a sound message each secret byte becomes `**`, in the data and in the plaintext. So does the check byte: it is the
# sum of all characters, and with a window of one byte it would give the byte away.
#
# Damage is the hard part. A digit too few shifts the rest, a wrong address puts the account's bytes where another
# register's should be, a length that is too small leaves digits over. Nobody knows then which digit is which, so it is
# not tried: if a damaged message may hold a secret, nothing of it is shown but kind and window, and `WITHHELD` says so.
# "May hold" is generous. It takes the larger of the length that the message says and of the digits that it has, lets a
# window run past the end of memory to its beginning, and of a text without any preamble takes every eight digits for
# one. The conversation adds what only it can know: while a request for the account waits for its answer, anything that
# the machine sends and that is no valid message is withheld as well, for a damaged address would escape all of this.
#
# The test defines success: messages of two machines that differ in their account alone, damaged in the same way, must
# not show one different character. The first version masked sound messages well, and this test found what it showed of
# damaged ones.

from __future__ import annotations

import re
from functools import lru_cache

from lmdecode.codec.record import MASK
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.message import ADDRESS_SPACE, HEADER, OK, Message, Parsed
from lmdecode.codec.v1.window import registers_in

_SECRETS = tuple(row for row in REGISTERS if row.secret)
ACCOUNT = (
    "the machine's own cloud account ("
    + ", ".join(f"0x{row.address:04X} to 0x{row.end - 1:04X}" for row in _SECRETS)
    + ")"
)
"""The secret in words, for messages."""
WITHHELD = "damaged, and withheld since it may hold the machine's cloud account (--show-secrets shows it)"
"""The problem of a damaged message that is not shown."""

_PREAMBLES = re.compile(rb"(?=([0-9A-Fa-f]{4})([0-9A-Fa-f]{4}))").finditer


@lru_cache(maxsize=4096)
def touches_secret(address: int, length: int) -> bool:
    """True if a window holds a secret byte.

    >>> touches_secret(0x0100, 0x11), touches_secret(0x0110, 2)
    (False, True)
    """
    return any(register.secret for register in registers_in(address, length))


def may_hold_secret(plaintext: bytes, parsed: Parsed) -> bool:
    """True if a message is damaged and may hold a secret. A sound message is masked byte by byte instead."""
    if not parsed.problems:
        return False
    payload = (len(plaintext) - HEADER) // 2 + 1
    if parsed.message is not None:
        address, size = parsed.message.address, max(parsed.message.length, payload)
        # A window that runs past the end of memory may go on at its beginning.
        return touches_secret(address, size) or touches_secret(address - ADDRESS_SPACE, size)
    # No message at all: wherever in it eight digits could be a preamble, they may be one.
    return any(touches_secret(int(match[1], 16), max(int(match[2], 16), payload)) for match in _PREAMBLES(plaintext))


def masked_data(message: Message) -> str | None:
    """The data of a message as hex with its secret bytes masked; None if it has no data."""
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
    """The plaintext of a sound message, or of a refused write, with its secret bytes and its check byte masked."""
    payload = plaintext[HEADER:-2]
    size = max(message.length, (len(payload) + 1) // 2)
    if not payload or payload == OK or not touches_secret(message.address, size):
        return plaintext
    masked = masked_data(message) or MASK
    return plaintext[:HEADER] + masked.upper() + MASK
