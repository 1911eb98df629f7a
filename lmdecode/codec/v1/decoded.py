"""What decoding one frame gives, and what can do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.values import Value

__all__ = ["NO_FIELDS", "Decoded", "Decoder", "Faultless"]

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


Faultless = tuple[str, Mapping[str, Value] | str, int]
"""A faultless message: its plaintext; its fields, or their JSON; the number of the key that decrypted it."""


class Decoder(Protocol):
    """Reads the bodies of frames: with one key, with several, with none."""

    @property
    def show_secrets(self) -> bool:
        """Whether the machine's cloud account is left readable."""

    @property
    def machine(self) -> str | None:
        """Which of several machines it is, once that is known."""

    @property
    def number(self) -> int:
        """Of its key; -1 as long as that is not known."""

    def for_connection(self) -> Decoder:
        """What decodes one connection: itself, unless that depends on the connection."""

    def decode(self, body: bytes) -> Decoded:
        """All that a frame's body says. Never raises."""

    def foresee(self, pieces: Sequence[bytes], *, as_json: bool) -> list[Faultless | None]:
        """What pieces of the streams that are about to come say, all at once: that decrypts several times as fast.

        Args:
            pieces: In any order, of any connections.
            as_json: Whether their fields are wanted as JSON.

        Returns:
            For each of the pieces what it says, if it is exactly one frame, with a faultless message.
        """
