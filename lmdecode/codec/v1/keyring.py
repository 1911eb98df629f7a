"""Several machines' keys, where it is not known which connection is whose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lmdecode.codec.v1.decoded import Decoded, Decoder, Faultless
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key

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
    number = -1

    def __init__(self, machines: Sequence[MachineKey], *, show_secrets: bool = False) -> None:
        self._show_secrets = show_secrets
        self._decoders = [
            FrameDecoder(machine.key, show_secrets=show_secrets, machine=machine.name, number=number)
            for number, machine in enumerate(machines)
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

    def foresee(self, pieces: Sequence[bytes], *, as_json: bool) -> list[Faultless | None]:
        """What pieces of the streams say with the first key that fits; see `Decoder`."""
        found: list[Faultless | None] = [None] * len(pieces)
        rest = [*range(len(pieces))]
        for decoder in self._decoders:
            for index, faultless in zip(
                rest, decoder.foresee([pieces[index] for index in rest], as_json=as_json, keep=False), strict=True
            ):
                found[index] = faultless
            rest = [index for index in rest if found[index] is None]
        return found


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

    @property
    def number(self) -> int:
        return -1 if self._found is None else self._found.number

    def for_connection(self) -> Decoder:
        return self

    def decode(self, body: bytes) -> Decoded:
        if self._found is not None:
            return self._found.decode(body)
        self._found, decoded = self._keyring.attempt(body)
        return decoded

    def foresee(self, pieces: Sequence[bytes], *, as_json: bool) -> list[Faultless | None]:
        return self._keyring.foresee(pieces, as_json=as_json)
