"""From a frame's body to all that it says: base64, decryption, parsing, fields, in one cached step.

Every frame starts from the same IV, so equal bodies are equal messages, and real traffic repeats itself: most frames
are found in the cache.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from lmdecode.codec.errors import FrameError
from lmdecode.codec.record import MASK
from lmdecode.codec.v1._fast import read_faultless, read_text
from lmdecode.codec.v1.decoded import NO_FIELDS, Decoded, Faultless
from lmdecode.codec.v1.framing import END, START, unwrap
from lmdecode.codec.v1.key import BLOCK_SIZE, Key, decrypt, decrypt_many
from lmdecode.codec.v1.message import SHORT, Message, parse_leniently
from lmdecode.codec.v1.redaction import WITHHELD, masked_data, masked_plaintext, may_hold_secret
from lmdecode.codec.v1.window import decode_message

__all__ = ["Decoded", "FrameDecoder", "decode_plaintext", "withhold"]

_CACHE_SIZE: Final = 4096
_CACHED_BODY: Final = 1024  # longer bodies are rare, and would make the cache large
_LONGEST_FAULTLESS: Final = 2 + len(b2a_base64(bytes(SHORT + BLOCK_SIZE), newline=False))  # of a frame


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
        self._foreseen: dict[bytes, Faultless | None] = {}
        self._foreseen_as_json = False

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
        return read_faultless(plaintext) or decode_plaintext(plaintext, show_secrets=self._show_secrets)

    def _keep(self, body: bytes, decoded: Decoded) -> None:
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[body] = decoded

    def foresee(self, pieces: Sequence[bytes], *, as_json: bool, keep: bool = True) -> list[Faultless | None]:
        """What those of some pieces of the streams say that are exactly one frame; see `Decoder`.

        Args:
            pieces: As there.
            as_json: As there.
            keep: Whether to keep what the others say, so that `decode` need not decrypt them once more.
        """
        if len(self._foreseen) > _CACHE_SIZE or as_json is not self._foreseen_as_json:
            self._foreseen.clear()
            self._foreseen_as_json = as_json
        known = self._foreseen
        new: dict[bytes, bytes] = {}
        for piece in pieces:
            if piece in known or piece in new or len(piece) > _LONGEST_FAULTLESS:
                continue
            try:
                ciphertext = a2b_base64(piece[1:-1], strict_mode=True)
            except ValueError:
                continue
            if ciphertext and not len(ciphertext) % BLOCK_SIZE and piece[0] == START and piece[-1] == END:
                new[piece] = ciphertext
        for piece, plaintext in zip(new, decrypt_many(self._key, [*new.values()]), strict=True):
            known[piece] = found = read_text(plaintext, self.number, as_json=as_json)
            if found is None and keep:
                self._keep(piece[1:-1], self._read(plaintext))
        return [*map(known.get, pieces)]


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
