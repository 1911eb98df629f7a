"""Messages as people quote them, in an issue or on a command line: a plaintext, a preamble, a whole frame."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from lmdecode.codec.errors import MessageError
from lmdecode.codec.record import MASK
from lmdecode.codec.v1.decoder import Decoder, decode_plaintext
from lmdecode.codec.v1.message import Decoded, check_byte, parse_leniently
from lmdecode.codec.v1.ranges import AddressRangeError, address_range

_QUOTED_LENGTH: Final = 12  # characters of what is not a message: enough to recognise it, too few for a secret
_WINDOW: Final = re.compile(r"([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})((?:[0-9A-Fa-f]{2})*)\Z").match


class Quoted(NamedTuple):
    """A message that was quoted, and its meaning."""

    title: str
    """The text that was given, without the secrets in it."""
    decoded: Decoded
    windowed: bool = False
    """Whether it is a window and not a message, so that its check byte means nothing."""


def read_quoted(given: str, decoder: Callable[[], Decoder], *, show_secrets: bool = False) -> Quoted:
    """Reads a message.

    Args:
        given: A plaintext, with its check byte or without; a preamble, with data or without; a range of addresses; a
            frame, from `@` to `%`. Spaces do not matter.
        decoder: Returns the decoder; called for a frame only.
        show_secrets: Whether the machine's cloud account is left readable.

    Raises:
        MessageError: The text is not a message, a range or a frame.
        AddressRangeError: It begins with 0x and is not a range.

    >>> from lmdecode.codec.v1.key import Key
    >>> from lmdecode.codec.v1.decoder import FrameDecoder
    >>> read_quoted("401C0004 03BC04D8", lambda: FrameDecoder(Key(b"1" * 32))).decoded.fields["coffee_temp"]
    95.6
    """
    text = "".join(given.split())
    if text.startswith("@"):
        if not text.endswith("%") or len(text) < 3:
            raise MessageError("the frame has no % at its end: give all of it, from @ to %, in single quotes")
        return Quoted(text, decoder().decode(text[1:-1].encode("latin-1", "replace")))
    if text[:2].lower() == "0x":
        text = _preamble(text)
    if window := _WINDOW(text):
        decoded = _window(window, show_secrets=show_secrets)
        return Quoted((decoded.plaintext or f"R{text[:8]}{MASK}--")[1:-2], decoded, windowed=True)
    if text[:1] in {"R", "W", "Z"}:
        decoded = decode_plaintext(text.encode("latin-1", "replace"), show_secrets=show_secrets)
        decoded = _with_check_byte(text, decoded, show_secrets=show_secrets)
        return Quoted(decoded.plaintext or f"{text[:9]}{MASK}", decoded)
    start = given if len(given) <= _QUOTED_LENGTH else f"{given[: _QUOTED_LENGTH - 1]}…"
    from lmdecode.analysis.columns import current_name, field_kinds  # only this error needs it

    if current_name(given.strip()) in field_kinds():
        raise MessageError(f"{start!r} is a name and not a message: `lmdecode registers {given.strip()}` looks it up")
    raise MessageError(
        f"{start!r} is not a message: give a plaintext such as R40000020D8, a preamble such as 40000020, a range such "
        "as 0x4000-0x401F, or a frame @…%"
    )


def _preamble(text: str) -> str:
    """Returns the preamble of the read that asks for a range of addresses.

    Raises:
        AddressRangeError: It is not a range, or is longer than a message can ask for.
    """
    addresses = address_range(text)
    if len(addresses) > 0xFFFF:
        raise AddressRangeError(f"{text} is {len(addresses)} bytes: one message reads 65535 at most")
    return f"{addresses.start:04X}{len(addresses):04X}"


def _window(window: re.Match[str], *, show_secrets: bool) -> Decoded:
    """Decodes a window without its message, as the read that asks for it, or its answer."""
    body = f"R{window[0].upper()}".encode("ascii")
    return decode_plaintext(b"%b%02X" % (body, check_byte(body)), show_secrets=show_secrets)


def _with_check_byte(text: str, decoded: Decoded, *, show_secrets: bool) -> Decoded:
    """Returns the message with its check byte, if the missing check byte is all that is wrong."""
    body = text.encode("latin-1", "replace")
    completed = b"%b%02X" % (body, check_byte(body))
    if decoded.valid or parse_leniently(completed).problems:
        return decoded
    whole = decode_plaintext(completed, show_secrets=show_secrets)
    return whole._replace(problems=(*whole.problems, "no check byte was given, it seems; the right one was added"))
