"""From the text of a page, edited, back to the bytes of the message: encrypted, framed, with right check bytes."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import MASK, Kind, Sender
from lmdecode.codec.v1.framing import wrap
from lmdecode.codec.v1.key import Key, encrypt
from lmdecode.codec.v1.message import Message, build, check_byte, parse_leniently
from lmdecode.mitm.page import COMMENT, FIXED, INDENT, Block


class EditError(LmdecodeError, ValueError):
    """A text that cannot be sent; one line that says why."""


def reencoded(text: str, page: Sequence[Block], sender: Sender, key: Key) -> bytes:
    """The bytes of a page that was edited.

    What was not edited comes out as it came in, to the byte. Comments and blank lines do not matter.

    Args:
        text: The edited text.
        page: What it was before.
        sender: Whose message it is.
        key: The machine's.

    Raises:
        EditError: A line is no message, a line was changed that has to stay, or nothing is left.
    """
    originals: defaultdict[str, deque[bytes]] = defaultdict(deque)
    for block in page:
        originals[block.line].append(block.raw)
    lines = list(_content(text, page))
    if not lines:
        raise EditError("nothing is left: a message must stay")
    _check_fixed([line for _, line in lines], page)
    return b"".join(
        originals[line].popleft() if originals[line] else _frame(number, line, sender, key) for number, line in lines
    )


def _content(text: str, page: Sequence[Block]) -> Iterator[tuple[int, str]]:
    """The lines that stand for bytes, with their numbers."""
    notes = {note for block in page for note in block.notes}
    for number, written in enumerate(text.splitlines(), 1):
        line = written.rstrip()
        if not line or line.startswith(COMMENT[0]):
            continue
        if line.startswith(INDENT[0]):
            if line not in notes:
                raise EditError(f"line {number} only explains the message: edit the line of digits above it")
            continue
        yield number, line


def _check_fixed(lines: Sequence[str], page: Sequence[Block]) -> None:
    """Check that what cannot be edited is where it was."""
    fixed = [block for block in page if block.fixed is not None]
    left = [line for line in lines if line.startswith(FIXED[0])]
    for index, block in enumerate(fixed):
        if index >= len(left) or left[index] != block.line:
            raise EditError(f"the line {block.line!r} has to stay as it is: {block.fixed}")
        if block.first and lines[0] != block.line:
            raise EditError(f"the line {block.line!r} has to stay first: {block.fixed}")
        if block.last and lines[-1] != block.line:
            raise EditError(f"the line {block.line!r} has to stay last: {block.fixed}")
    if len(left) > len(fixed):
        raise EditError(f"{left[-1]!r} is no message: a line with = cannot be added")


def _frame(number: int, line: str, sender: Sender, key: Key) -> bytes:
    message = _message(number, line)
    if sender == "app" and message.kind is Kind.WRITE and message.data is None:
        raise EditError(f"line {number} is no message: the data are not {message.length} bytes in hexadecimal")
    return wrap(encrypt(key, build(message)))


def _message(number: int, line: str) -> Message:
    if MASK in line:
        raise EditError(f"line {number} is no message: {MASK} stands for a secret that is masked")
    why = ""
    closed = "".join(line.split()).upper()
    for given in dict.fromkeys((line, closed)):
        body = given.encode("latin-1", "replace")
        # Without its check byte, as it is shown; or with it, as people write messages down elsewhere.
        for plaintext in (b"%b%02X" % (body, check_byte(body)), body):
            message, problems, _ = parse_leniently(plaintext)
            if message is not None and not problems:
                return message
            why = why or problems[0]
    raise EditError(f"line {number} is no message: {why.removeprefix('not a message: ')}")
