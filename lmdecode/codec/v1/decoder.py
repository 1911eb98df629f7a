"""Decoding of a frame's body: base64, decryption, parsing and fields in one cached step.

Every frame starts from the same IV, so equal bodies are equal messages, and real traffic repeats itself: most frames
are found in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, Protocol

from lmdecode.codec.dialect import FieldsAs, MachineKey
from lmdecode.codec.errors import FrameError
from lmdecode.codec.record import MASK
from lmdecode.codec.v1._fast import CleanMessage, Predecoder
from lmdecode.codec.v1.framing import unwrap
from lmdecode.codec.v1.key import BLOCK_SIZE, Key, decrypt
from lmdecode.codec.v1.message import NO_FIELDS, Decoded, Message, parse_leniently
from lmdecode.codec.v1.redaction import WITHHELD, masked_data, masked_plaintext, may_hold_secret
from lmdecode.codec.v1.window import decode_message


class Decoder(Protocol):
    """Decodes the bodies of frames, with one key, several keys or none."""

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

    def predecode(self, pieces: Sequence[bytes], *, fields_as: FieldsAs) -> list[CleanMessage | None]:
        """What pieces of the streams that are about to come say, all at once: that decrypts several times as fast.

        Args:
            pieces: In any order, of any connections.
            fields_as: The form in which their fields are wanted.

        Returns:
            For each of the pieces what it says, if it is exactly one frame, with a clean message.
        """


_CACHE_SIZE: Final = 4096
_CACHED_BODY: Final = 1024  # longer bodies are rare, and would make the cache large


class FrameDecoder:
    """Decodes the frames of one machine.

    Args:
        key: The machine's.
        show_secrets: Whether the machine's cloud account is left readable.
        machine: Its name, for the Records; None if there is only one.
        number: Of the key, among several.
    """

    def __init__(self, key: Key, *, show_secrets: bool = False, machine: str | None = None, number: int = 0) -> None:
        self.machine = machine
        self.number = number
        self._key = key
        self._show_secrets = show_secrets
        self._cache: dict[bytes, Decoded] = {}
        self._predecoder = Predecoder(key, number)

    @property
    def show_secrets(self) -> bool:
        """Whether secrets are left readable."""
        return self._show_secrets

    def for_connection(self) -> FrameDecoder:
        """Itself: all connections are the machine's."""
        return self

    def decode(self, body: bytes) -> Decoded:
        """All that a frame's body says. Never raises.

        >>> decoder = FrameDecoder(Key.parse("12345678901234567890123456789012"))
        >>> decoder.decode(b"/EvNHlfIE/xwlY2eKvFjXw==").plaintext
        'R40000023DB'
        """
        decoded = self._cache.get(body)
        if decoded is not None:
            return decoded
        try:
            plaintext = decrypt(self._key, unwrap(body))
        except FrameError as error:
            return Decoded(None, valid=False, problems=(str(error),))
        decoded = self._read(plaintext)
        if len(body) <= _CACHED_BODY:
            self._keep(body, decoded)
        return decoded

    def _read(self, plaintext: bytes) -> Decoded:
        return decode_plaintext(plaintext, show_secrets=self._show_secrets)

    def _keep(self, body: bytes, decoded: Decoded) -> None:
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[body] = decoded

    def predecode(
        self, pieces: Sequence[bytes], *, fields_as: FieldsAs, keep: bool = True
    ) -> list[CleanMessage | None]:
        """Read ahead those of some pieces of the streams that are exactly one clean frame; see `Decoder`.

        Args:
            pieces: As there.
            fields_as: As there.
            keep: Whether to keep what the others say, so that `decode` need not decrypt them once more.
        """
        return self._predecoder.predecode(pieces, fields_as=fields_as, keep=self._keep_odd if keep else None)

    def _keep_odd(self, body: bytes, plaintext: bytes) -> None:
        self._keep(body, self._read(plaintext))


def decode_plaintext(plaintext: bytes, *, show_secrets: bool = False) -> Decoded:
    """All that a plaintext says. Never raises.

    >>> decode_plaintext(b"R401C000403BC04D8B6").fields["coffee_temp"]
    95.6
    """
    parsed = parse_leniently(plaintext)
    message, problems, valid = parsed
    if not show_secrets and may_hold_secret(plaintext, parsed):
        return withhold(Decoded(message, valid))
    text = plaintext.decode("ascii", "backslashreplace")
    if not text.isprintable():  # an escape sequence must not reach a terminal
        text = text.encode("unicode_escape").decode("ascii")
    if message is None:
        shown = text if text and plaintext.isascii() and len(text) == len(plaintext) else None
        return Decoded(None, valid=False, plaintext=shown, problems=problems)
    fields, field_problems = decode_message(message)
    if show_secrets:
        data = None if message.data is None else message.data.hex()
    else:
        data, text = masked_data(message), masked_plaintext(message, text)
        if text.endswith(MASK) and message.status is not None:
            message = message._replace(status=MASK)
    return Decoded(
        message,
        valid,
        data,
        text,
        MappingProxyType(fields) if fields else NO_FIELDS,
        problems + field_problems,
    )


def withhold(decoded: Decoded) -> Decoded:
    """What may be shown of a damaged message that may hold a secret: its kind and its window, if it has any."""
    message = decoded.message
    header = None if message is None else Message(message.kind, message.address, message.length)
    return Decoded(header, decoded.valid, problems=(WITHHELD,))


class Keyring:
    """Decodes the frames of several machines.

    The first frame that a key turns into a message with a valid check byte settles which machine a connection belongs
    to. A wrong key yields a valid message in fewer than 1 of 10**8 frames.

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

    def predecode(self, pieces: Sequence[bytes], *, fields_as: FieldsAs) -> list[CleanMessage | None]:
        """What pieces of the streams say with the first key that fits; see `Decoder`."""
        found: list[CleanMessage | None] = [None] * len(pieces)
        rest = [*range(len(pieces))]
        for decoder in self._decoders:
            for index, clean in zip(
                rest, decoder.predecode([pieces[index] for index in rest], fields_as=fields_as, keep=False), strict=True
            ):
                found[index] = clean
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

    def predecode(self, pieces: Sequence[bytes], *, fields_as: FieldsAs) -> list[CleanMessage | None]:
        return self._keyring.predecode(pieces, fields_as=fields_as)


_NO_KEY: Final = Key(bytes(32))  # never used: nothing here decrypts
_SEALED: Final = Decoded(None, valid=False)


class KeylessDecoder(FrameDecoder):
    """Says of a frame only whether it could be one of v1's: base64 of whole cipher blocks.

    The Record then holds the whole frame as `raw`.

    >>> KeylessDecoder().decode(b"MDEy").problems
    ('the ciphertext has 3 bytes, which is not a whole number of 16-byte blocks',)
    """

    def __init__(self, *, show_secrets: bool = False) -> None:
        super().__init__(_NO_KEY, show_secrets=show_secrets)

    def decode(self, body: bytes) -> Decoded:
        """Nothing but what is wrong with the frame, if anything is. Never raises."""
        try:
            ciphertext_of(body)
        except FrameError as error:
            return Decoded(None, valid=False, problems=(str(error),))
        return _SEALED

    def predecode(
        self,
        pieces: Sequence[bytes],
        *,
        fields_as: FieldsAs,  # noqa: ARG002
        keep: bool = True,  # noqa: ARG002
    ) -> list[CleanMessage | None]:
        """Nothing."""
        return [None] * len(pieces)


def ciphertext_of(body: bytes) -> bytes:
    """The ciphertext of a frame's body: at least one block, and whole ones.

    Raises:
        FrameError: The body is not base64, or not whole blocks.
    """
    ciphertext = unwrap(body)
    size = len(ciphertext)
    if not size or size % BLOCK_SIZE:
        raise FrameError(f"the ciphertext has {size} bytes, which is not a whole number of {BLOCK_SIZE}-byte blocks")
    return ciphertext


def decoder_for(keys: Sequence[MachineKey], *, show_secrets: bool = False) -> Decoder:
    """Return what decodes with some machines' keys: with one key, no connection's machine has to be found out."""
    if len(keys) == 1:
        return FrameDecoder(keys[0].key, show_secrets=show_secrets)
    return Keyring(keys, show_secrets=show_secrets)
