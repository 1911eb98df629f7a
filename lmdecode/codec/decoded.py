"""What decoding one frame gives, and what can do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from lmdecode.codec.message import Message
from lmdecode.codec.values import Value

__all__ = ["NO_FIELDS", "Decoded", "Decoder"]

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


class Decoder(Protocol):
    """Reads the bodies of frames: with one key, with several, with none."""

    @property
    def show_secrets(self) -> bool:
        """Whether the machine's cloud account is left readable."""

    @property
    def machine(self) -> str | None:
        """Which of several machines it is, once that is known."""

    def for_connection(self) -> Decoder:
        """What decodes one connection: itself, unless that depends on the connection."""

    def decode(self, body: bytes) -> Decoded:
        """All that a frame's body says. Never raises."""

    def foresee(self, pieces: Iterable[bytes]) -> None:
        """Take note of pieces of the streams that are about to come."""

    def anticipate(self, pieces: Iterable[bytes]) -> list[dict[bytes, Decoded]]:
        """What such pieces say, with each key: what `foresee` takes note of, for a decoder in another process."""

    def remember(self, found: list[dict[bytes, Decoded]]) -> None:
        """Take note of what another such decoder anticipated."""

    def recall(self, piece: bytes) -> Decoded | None:
        """What such a piece says, if it is exactly one frame and was foreseen."""
