"""A message's pieces as text that a person reads and may edit.

    # app write coffee_set_temp
    W0007000203A7
      coffee_set_temp: 93.5 °C

A line that begins with neither space, `#` nor `=` is a decrypted message without its check byte; those are what can be
edited. What is on a line with `=` has to stay: part of a frame, bytes of no frame, a message with secrets masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lmdecode.codec.record import MASK, Record
from lmdecode.mitm.transcript import Piece
from lmdecode.render.sentence import summary, verb_and_object
from lmdecode.render.wording import printable

__all__ = ["COMMENT", "FIXED", "INDENT", "Block", "blocks", "page_text"]

COMMENT: Final = "# "
FIXED: Final = "= "
INDENT: Final = "  "

_SHOWN: Final = 64  # characters of what is not decoded
_MASKED: Final = "it has secrets, which are masked: set lm_show_secrets"
_CHECK_DIGITS: Final = 2


@dataclass(frozen=True, slots=True)
class Block:
    """One piece as text."""

    raw: bytes
    heading: str
    line: str
    """What stands for the piece; with `= ` in front if it cannot be edited."""
    fixed: str | None
    """Why it cannot be edited; None if it can."""
    first: bool
    """Whether it must stay first, because what it belongs to began in an earlier message."""
    last: bool
    """Whether it must stay last, because what it belongs to goes on."""
    notes: tuple[str, ...] = ()
    """Values and problems."""


def blocks(pieces: Sequence[Piece]) -> list[Block]:
    """A message's pieces as blocks of text, in their order."""
    return [_block(piece) for piece in pieces]


def page_text(page: Sequence[Block]) -> str:
    """All blocks as one text."""
    return "\n".join(line for block in page for line in (f"{COMMENT}{block.heading}", block.line, *block.notes))


def _block(piece: Piece) -> Block:
    record = piece.record
    first, last = not piece.begins_here, not piece.ends_here
    if record is None or not piece.ends_here:
        why = "the rest of its frame is in another message" if piece.of_frame else "it is no message"
        return Block(piece.raw, _unfinished(piece), FIXED + _shown(piece.raw), why, first, last)
    if not piece.of_frame:
        heading = f"{record.sender}: {_count(piece.raw)} of no whole frame"
        return Block(piece.raw, heading, FIXED + _shown(piece.raw), "it is no message", first, last)
    heading = _heading(record)
    if first:
        heading += " (its frame began in an earlier message)"
    notes = tuple(_notes(record))
    if record.kind is None:
        return Block(piece.raw, heading, FIXED + _shown(piece.raw), "it does not decrypt", first, last, notes)
    text = _plaintext(record)
    fixed: str | None = "its frame began in an earlier message" if first else None
    if MASK in text:
        fixed = _MASKED
    return Block(piece.raw, heading, FIXED + text if fixed else text, fixed, first, last, notes)


def _unfinished(piece: Piece) -> str:
    record = piece.record
    if not piece.of_frame:
        return f"{_count(piece.raw)} of no frame"
    part = "the beginning" if piece.begins_here else "a part"
    if record is None:
        return f"{part} of a frame; the rest has not come yet"
    if record.kind is None and record.raw is not None and not record.raw.endswith(b"%"):
        return f"{part} of a frame that has no end"
    return f"{part} of a frame; the rest of it is in a later message: {_heading(record)}"


def _heading(record: Record) -> str:
    if record.kind is None:
        return f"{record.sender}: a frame that is not decoded"
    return f"{record.sender} {' '.join(verb_and_object(record))}"


def _plaintext(record: Record) -> str:
    """The decrypted message without its check byte, which is worked out from the rest."""
    if record.plaintext is None:  # all of it is withheld but where it is
        letter = "" if record.kind is None else record.kind.letter
        return f"{letter}{record.address or 0:04X}{record.length or 0:04X}{MASK}"
    return record.plaintext[:-_CHECK_DIGITS].rstrip()  # editors take spaces at the end away


def _notes(record: Record) -> Iterator[str]:
    for name, text in summary(record.fields):
        yield f"{INDENT}{name}: {text}".rstrip()
    for problem in record.problems:
        yield f"{COMMENT}! {printable(problem)}"


def _shown(raw: bytes) -> str:
    text = raw[:_SHOWN].decode("latin-1")
    readable = text.isascii() and text == text.strip()  # editors take spaces at the end away
    text = printable(text) if readable else raw[: _SHOWN // 2].hex()
    return text if len(raw) <= _SHOWN // 2 else f"{text}… ({len(raw)} bytes)"


def _count(raw: bytes) -> str:
    return "1 byte" if len(raw) == 1 else f"{len(raw)} bytes"
