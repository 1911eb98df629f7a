"""The machine's key, and encryption with it: AES-256-CBC from a zero IV, padded with zero bytes."""

# The scheme is lmdirect's, seen at work on real machines. Every frame is encrypted by itself, from an IV of zeros, and
# nothing authenticates it. Four things follow.
#
# Equal plaintexts give equal ciphertexts. This is why a listener without the key can pair requests with answers, and
# why the decoder may keep what a frame says: real traffic repeats itself.
#
# Decryption cannot fail. Any whole number of blocks decrypts to something with any key, so `decrypt` refuses a wrong
# size and nothing else. Only the message inside (kind, hexadecimal digits, check byte) shows that a key is wrong; that
# is the business of `message` and of the decoder.
#
# Damage stays local. In CBC a flipped bit spoils its own block of 16 bytes and one bit of the next, so most of a
# damaged answer is still readable. `decrypt` therefore hands on whatever comes out.
#
# The padding can be taken off blindly. A plaintext is ASCII and has no zero byte, so every zero at its end is padding.
#
# Speed: a CBC object of pycryptodome serves one frame only, and making it costs more than using it. CBC decryption is
# ECB decryption XORed with the ciphertext shifted by one block, and from a zero IV the first block needs no XOR at all.
# So one ECB object, made with the key, serves all frames, in a third of the time. A call of the cipher still costs ten
# times what the AES of one message does, so `_fast` joins a chunk's frames into one call: 0.5 µs a ciphertext instead
# of 3.5. The XOR is done on integers of any size, the fastest way that the standard library has. Tests compare both
# with plain CBC for arbitrary keys and ciphertexts. Encryption is rare, one frame a request, and goes the plain way.

from __future__ import annotations

import base64
import binascii
from typing import Final

from Crypto.Cipher import AES

from lmdecode.codec.errors import FrameError, KeyFormatError

KEY_SIZE: Final = 32
"""Bytes in a key: AES-256."""
BLOCK_SIZE: Final = 16
"""Bytes in a cipher block; a ciphertext is a whole number of them."""

_ZERO_IV: Final = bytes(BLOCK_SIZE)


class Key:
    """The AES key of one machine: the cloud's `communicationKey`.

    Its `repr` is masked, so a key cannot slip into a log or a traceback.

    >>> Key.parse("12345678901234567890123456789012")
    Key(…)
    >>> Key.parse("hex:" + "31" * 32) == Key(b"1" * 32)
    True
    """

    __slots__ = ("_ecb", "_secret")

    def __init__(self, secret: bytes) -> None:
        """Make a key of 32 bytes. Any other number of bytes is a `KeyFormatError`."""
        if len(secret) != KEY_SIZE:
            raise KeyFormatError(f"the key has {len(secret)} bytes; it must have {KEY_SIZE}")
        self._secret = bytes(secret)
        self._ecb = AES.new(self._secret, AES.MODE_ECB)

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read a key as people write it.

        Args:
            text: The 32 characters of the cloud's `communicationKey` (each below U+0100, one byte each: latin-1), or
                `hex:` and 64 digits, or `base64:` and the base64 of 32 bytes.

        Raises:
            KeyFormatError: The text is not a key. The message says how many bytes it has and what to do, and never
                shows the key.
        """
        if len(text) != KEY_SIZE:  # a text of 32 characters is the key itself, whatever it starts with
            prefix, colon, digits = text.partition(":")
            if colon and prefix in {"hex", "base64"}:
                return cls(_from_digits(prefix, digits))
        try:
            secret = text.encode("latin-1")
        except UnicodeEncodeError:
            raise KeyFormatError(
                "the key has a character above U+00FF, so it is not a communicationKey: "
                "copy it again, or give its bytes as hex:… or base64:…"
            ) from None
        if len(secret) != KEY_SIZE:
            raise KeyFormatError(
                f"the key has {len(secret)} bytes; it must have {KEY_SIZE}{_length_hint(text, secret)}"
            )
        return cls(secret)

    @property
    def secret(self) -> bytes:
        """The 32 bytes. Ask for them only to store them where the owner said."""
        return self._secret

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._secret == other._secret

    def __hash__(self) -> int:
        return hash(self._secret)

    def __repr__(self) -> str:
        return "Key(…)"

    def __reduce__(self) -> tuple[type[Key], tuple[bytes]]:
        return (Key, (self._secret,))


def encrypt(key: Key, plaintext: bytes) -> bytes:
    """Encrypt a plaintext, padded with zero bytes to whole blocks. A plaintext that fills its blocks gets no padding.

    >>> key = Key.parse("12345678901234567890123456789012")
    >>> decrypt(key, encrypt(key, b"R40000020D8"))
    b'R40000020D8'
    """
    padded = plaintext + bytes(-len(plaintext) % BLOCK_SIZE)
    return AES.new(key.secret, AES.MODE_CBC, _ZERO_IV).encrypt(padded)


def decrypt(key: Key, ciphertext: bytes) -> bytes:
    """Decrypt a ciphertext and remove its padding. A wrong key returns bytes too, but they are not a message.

    Raises:
        FrameError: The ciphertext is empty, or not a whole number of blocks.
    """
    size = len(ciphertext)
    if not size or size % BLOCK_SIZE:
        raise FrameError(f"the ciphertext has {size} bytes, which is not a whole number of {BLOCK_SIZE}-byte blocks")
    blocks = key._ecb.decrypt(ciphertext)  # noqa: SLF001 -- the key keeps its one cipher object for this function
    if size > BLOCK_SIZE:
        chain = int.from_bytes(ciphertext[: size - BLOCK_SIZE], "big")
        blocks = (int.from_bytes(blocks, "big") ^ chain).to_bytes(size, "big")
    return blocks.rstrip(b"\0")


def _from_digits(prefix: str, digits: str) -> bytes:
    try:
        secret = binascii.unhexlify(digits) if prefix == "hex" else base64.b64decode(digits, validate=True)
    except (binascii.Error, ValueError):
        raise KeyFormatError(f"what follows {prefix}: is not {prefix}") from None
    if len(secret) != KEY_SIZE:
        raise KeyFormatError(f"the key has {len(secret)} bytes after {prefix}:; it must have {KEY_SIZE}")
    return secret


def _length_hint(text: str, secret: bytes) -> str:
    r"""What probably went wrong with a key of the wrong length. The two traps are UTF-8 and `\u00xx`."""
    if "\\u00" in text:
        import json  # noqa: PLC0415 -- only errors need it

        try:
            unescaped = json.loads(f'"{text}"')
        except ValueError:
            unescaped = ""
        if len(unescaped) == KEY_SIZE:
            return (
                r", and has once its JSON escapes (\u00xx) are read: "
                'put it as it is into config.json, {"key": "…"}'
            )
    if len(text.strip()) == KEY_SIZE:
        return ": there are spaces or line ends around it; take them away"
    try:
        characters = len(secret.decode("utf-8"))
    except UnicodeDecodeError:
        characters = len(secret)
    if characters == KEY_SIZE:
        return (
            ": it is UTF-8 read as latin-1; each of its 32 characters is one byte in latin-1. "
            "Copy communicationKey from the JSON again"
        )
    return (
        ": the communicationKey has 32 characters, each one byte in latin-1 (two in UTF-8 above 127); "
        "hex:… and base64:… are read too. Quote it in the shell"
    )
