"""Several machines' keys, where it is not known which connection is whose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lmdecode.codec.cipher import Key
from lmdecode.codec.decoded import Decoded, Decoder
from lmdecode.codec.decoding import FrameDecoder

__all__ = ["Keyring", "MachineKey"]


class MachineKey(NamedTuple):
    """A machine, as far as decoding is concerned."""

    name: str
    """What the user calls it."""
    key: Key


class Keyring:
    """Decodes the frames of several machines.

    A connection's machine is the one whose key gives a message with a right check byte; the first such frame settles
    it, for a wrong key passes that and all else that makes a message less than once in 10**8 frames.

    Args:
        machines: At least one. Their order is that in which they are tried.
        show_secrets: Whether the machines' cloud accounts are left readable.
    """

    machine: str | None = None

    def __init__(self, machines: Sequence[MachineKey], *, show_secrets: bool = False) -> None:
        self._show_secrets = show_secrets
        self._decoders = [
            FrameDecoder(machine.key, show_secrets=show_secrets, machine=machine.name) for machine in machines
        ]

    @property
    def show_secrets(self) -> bool:
        """Whether secrets are left readable."""
        return self._show_secrets

    def for_connection(self) -> Decoder:
        """A decoder that finds out whose connection it is given."""
        return _Seeker(self)

    def decode(self, body: bytes) -> Decoded:
        """What a frame says, decrypted with whichever key fits. Never raises."""
        return self.attempt(body)[1]

    def attempt(self, body: bytes) -> tuple[FrameDecoder | None, Decoded]:
        """The decoder whose key fits a frame, if any does, and what the frame says."""
        readable = None
        for decoder in self._decoders:
            decoded = decoder.decode(body)
            if decoded.valid:
                return decoder, decoded
            if decoded.message is not None and readable is None:
                readable = decoded
        if readable is not None:
            return None, readable  # a damaged message, rather than the wrong key
        if len(self._decoders) > 1 and decoded.problems and "key" in decoded.problems[0]:
            problem = f"does not decrypt to a message with any of the {len(self._decoders)} keys"
            return None, Decoded(None, valid=False, problems=(problem,))
        return None, decoded

    def foresee(self, pieces: Iterable[bytes]) -> None:
        """Decrypt what is likely to come up next, with each key; see `FrameDecoder.foresee`."""
        pieces = list(pieces)
        for decoder in self._decoders:
            decoder.foresee(pieces)

    def anticipate(self, pieces: Iterable[bytes]) -> list[dict[bytes, Decoded]]:
        """What pieces say with each key; see `FrameDecoder.anticipate`."""
        pieces = list(pieces)
        return [found for decoder in self._decoders for found in decoder.anticipate(pieces)]

    def remember(self, found: list[dict[bytes, Decoded]]) -> None:
        """Take note of what another keyring of the same keys anticipated."""
        for decoder, its in zip(self._decoders, found, strict=True):
            decoder.remember([its])

    def recall(self, piece: bytes) -> Decoded | None:
        """Nothing, as long as it is not known whose piece it is."""


class _Seeker:
    """Decodes one connection: with all keys, until one fits."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._found: FrameDecoder | None = None

    @property
    def show_secrets(self) -> bool:
        return self._keyring.show_secrets

    @property
    def machine(self) -> str | None:
        return None if self._found is None else self._found.machine

    def for_connection(self) -> Decoder:
        return self

    def decode(self, body: bytes) -> Decoded:
        if self._found is not None:
            return self._found.decode(body)
        self._found, decoded = self._keyring.attempt(body)
        return decoded

    def foresee(self, pieces: Iterable[bytes]) -> None:
        self._keyring.foresee(pieces)

    def anticipate(self, pieces: Iterable[bytes]) -> list[dict[bytes, Decoded]]:
        return self._keyring.anticipate(pieces)

    def remember(self, found: list[dict[bytes, Decoded]]) -> None:
        self._keyring.remember(found)

    def recall(self, piece: bytes) -> Decoded | None:
        return None if self._found is None else self._found.recall(piece)
