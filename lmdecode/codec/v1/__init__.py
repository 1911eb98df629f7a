"""v1, the protocol of the first gateways (2019 to 2023): AES-encrypted frames on TCP port 1774.

A message reads, writes or reports a window of the machine's memory. `key`, `framing` and `message` lead from bytes to
messages, `memory_map` says what the bytes of the memory mean, `window` reads them, `decoder` does all of that for one
frame, and `conversation` for one connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from lmdecode.codec.dialect import Dialect, FieldKind, OwnerAccess, Speaker
from lmdecode.codec.speakers import Speakers

if TYPE_CHECKING:
    from lmdecode.codec.v1.decoder import Decoder

GENERATION: Final = "v1"
"""The name of this dialect in its Records."""
PORT: Final = 1774
"""The TCP port on which machines with a first-generation gateway listen. Source: lmdirect; seen in captures."""


def _sniff(payload: bytes) -> bool:
    """Return True if a segment begins and ends as frames do; base64 has neither `@` nor `%`."""
    return payload[:1] == b"@" and payload[-1:] == b"%"


def _open(access: OwnerAccess) -> Speaker:
    from lmdecode.codec.v1.conversation import Locked  # noqa: PLC0415 -- heavy, and not every command decodes
    from lmdecode.codec.v1.conversation import Speaker as Reader  # noqa: PLC0415 -- as above
    from lmdecode.codec.v1.decoder import KeylessDecoder, decoder_for  # noqa: PLC0415 -- as above

    if access.missing is not None:
        return Locked(KeylessDecoder(show_secrets=access.show_secrets), access.missing)
    if not access.keys:  # nobody wants to decrypt
        return Reader(KeylessDecoder(show_secrets=access.show_secrets), access.origin)
    return Reader(decoder_for(access.keys, show_secrets=access.show_secrets), access.origin)


def _sniff_log(text: bytes) -> bool:
    from lmdecode.codec.v1.log import looks_like_log  # noqa: PLC0415 -- few captures are logs

    return looks_like_log(text)


@cache
def _fields() -> Mapping[str, FieldKind]:
    """Return the fields of v1. Who asks for one asks for hundreds, so the mapping is made once."""
    from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS  # noqa: PLC0415 -- as above

    return MappingProxyType(
        {
            **{row.name: FieldKind(row.type.json, row.type.words, row.formerly) for row in REGISTERS if row.name},
            **{row.name: FieldKind(row.json) for row in DERIVED},
        }
    )


DIALECT: Final = Dialect(
    name=GENERATION,
    title="the protocol of the first gateways",
    ports=(PORT,),
    sniff=_sniff,
    open=_open,
    fields=_fields,
    sniff_log=_sniff_log,
)


def speakers_with(decoder: Decoder, port: int | None = None, *, origin: str = "", also: Iterable[int] = ()) -> Speakers:
    """Return v1 alone, read by a decoder of one's own: with a key that is not in the configuration, or with none.

    Args:
        decoder: Reads the frames.
        port: The machine's TCP port; None for the usual one and those of `also`.
        origin: Where the decoder's keys are from, for messages.
        also: Further ports, on which the owner's machines are known to listen.
    """
    from lmdecode.codec.v1.conversation import Speaker as Reader  # noqa: PLC0415 -- heavy, and not every command decodes

    return Speakers.of(DIALECT, Reader(decoder, origin), port, also)
