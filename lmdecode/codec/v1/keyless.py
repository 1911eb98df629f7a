"""A decoder without a key: frames pass through a Conversation as they are, undecrypted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lmdecode.codec.errors import FrameError
from lmdecode.codec.v1.decoded import Decoded, Faultless
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.framing import unwrap
from lmdecode.codec.v1.key import BLOCK_SIZE, Key

__all__ = ["KeylessDecoder", "ciphertext_of"]

_NO_KEY: Final = Key(bytes(32))  # never used: nothing here decrypts
_SEALED: Final = Decoded(None, valid=False)


class KeylessDecoder(FrameDecoder):
    """Says of a frame only whether it could be one of the protocol's: base64 of whole cipher blocks.

    The Record then holds the whole frame as `raw`.

    >>> KeylessDecoder().decode(b"MDEy").problems
    ('the ciphertext has 3 bytes, which is not a whole number of 16-byte blocks',)
    """

    def __init__(self) -> None:
        super().__init__(_NO_KEY)

    def decode(self, body: bytes) -> Decoded:
        """Nothing but what is wrong with the frame, if anything is. Never raises."""
        try:
            ciphertext_of(body)
        except FrameError as error:
            return Decoded(None, valid=False, problems=(str(error),))
        return _SEALED

    def foresee(
        self,
        pieces: Sequence[bytes],
        *,
        as_json: bool,  # noqa: ARG002
        keep: bool = True,  # noqa: ARG002
    ) -> list[Faultless | None]:
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
