"""What decoding one frame gives."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from lmdecode.codec.message import Message
from lmdecode.codec.values import Value

__all__ = ["NO_FIELDS", "Decoded"]

NO_FIELDS: Final[Mapping[str, Value]] = MappingProxyType({})


class Decoded(NamedTuple):
    """What one frame says."""

    message: Message | None
    """None if not even kind and preamble could be read."""
    valid: bool
    """Whether it is a message with a right check byte: the sign of the right key."""
    data: str | None = None
    """Hex, secrets masked."""
    plaintext: str | None = None
    """Secrets masked; what is not printable ASCII escaped. None if it is no text at all."""
    fields: Mapping[str, Value] = NO_FIELDS
    """Not to be changed: equal messages share them."""
    problems: tuple[str, ...] = ()
