"""The text of a JSON export, cut into its lists, without what stands around them.

`tshark … -T json > x.json 2>&1` puts tshark's warnings before the list and its count of packets behind it, and with
`cat` and `>>` people put exports behind one another. A list's end shows without parsing: no line can begin inside a
JSON string, and where JSON goes on, a bracket that closes is followed by a comma or another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BufferedReader
from typing import Final

from lmdecode.capture.formats._headers import FARTHEST, is_text, quoted
from lmdecode.capture.source import TextInput

_ENOUGH: Final = FARTHEST + 256  # bytes: packets that begin in the first of them can be seen
_BLOCK: Final = 1 << 16
_TAIL: Final = 64  # bytes behind a bracket that are waited for, to see what follows it
_RESUMED_FREELY: Final = 100  # times; no export consists of so many lists that are cut off
_RESUMED_EACH: Final = 1 << 17  # bytes, of which there may be one more: what is read last is looked at again
_MOST_NOTES: Final = 3
_BEFORE_NEXT: Final = b" \t\r\n[{"
_END: Final = re.compile(rb'\](?=[^\S\n]*+\n\s*+[^\],}\s]|\s*+\[\s*+\{\s*+"_)')
"""The end of a list that something follows."""
_OBJECTS: Final = re.compile(rb'\s*+\[\s*+\{\s*+"')
"""A list of objects, whatever they are."""
_LIST: Final = re.compile(rb'\[(?=\s*+\{\s*+"_)')


class JsonParts(TextInput):
    """The text of an export. What is read of it ends with each list; `begin` goes on to the next.

    Args:
        file: At its beginning.
        packets_begin: Returns where in a text the packets of an export begin, or None.
    """

    def __init__(self, file: BufferedReader, packets_begin: Callable[[bytes], int | None]) -> None:
        super().__init__(file)
        self._packets_begin = packets_begin
        self._text = b""  # that was read and not given out
        self._recent: list[bytes] = []  # that was given out last, a block at least
        self._recent_size = 0
        self._begun = self._is_over = False
        self._notes: list[str] = []
        self._more = self._resumed = 0
        self.warnings: list[str] = []
        """What to say of what could not be read."""
        self._lines = 0
        self._line = ""

    def begin(self) -> bool:
        """Go to the next list, or to the lines of `-T ek`; True if there is one. `is_list` says which it is."""
        while not self._text.strip():
            self._text = b""  # blanks without end must not be collected
            if not self._fill():
                break
        while (at := self._packets_begin(self._text)) is None and len(self._text) < _ENOUGH and self._fill():
            pass
        if at is None or at >= FARTHEST:
            if self._begun or not self._text:
                self._end()
                return False
            at = 0
        if not self._begun and not self._text[:at].strip(_BEFORE_NEXT):
            at = 0  # a list in a list is no export
        if not self._begun and _OBJECTS.match(self._text):
            at = 0  # the packet that was found is not the first
        self._pass_over(self._text[:at], "between the lists" if self._begun else "before the JSON")
        self._text = self._text[at:]
        self.is_list = self._text.lstrip().startswith(b"[")
        self._begun, self._is_over, self._recent, self._recent_size = True, False, [], 0
        return True

    def resume(self) -> bool:
        """Go to a list that begins near what was read last, where the one before is cut off; True if there is one."""
        self._resumed += 1
        if self._resumed > _RESUMED_FREELY + self.position // _RESUMED_EACH:
            return False
        text = b"".join(self._recent) + self._text
        looked = 1
        while (found := _LIST.search(text, looked)) is None:
            more = super().read() if len(self._text) < _ENOUGH else b""
            if not more:
                return False
            looked = max(looked, len(text) - _TAIL)
            text += more
            self._text += more
        self._text, self._is_over = text[found.start() :], False
        self._recent, self._recent_size = [], 0
        return True

    def pass_over(self, line: bytes) -> bool:
        """Take a line that is no JSON; True if it is text of another program."""
        if b"{" in line or b"}" in line or not is_text(line):
            return False
        self._lines += 1
        self._line = self._line or quoted(line)
        return True

    def read(self, size: int = _BLOCK) -> bytes:
        """Some of the list or of the lines, as text; none at their end."""
        if self._is_over:
            return b""
        text, self._text = self._text or super().read(size), b""
        if self.is_list and b"]" in text:  # most of an export has none, and that is found out ten times as fast
            text = self._to_end(text, size)
        self._recent.append(text)
        self._recent_size += len(text)
        while self._recent_size - len(self._recent[0]) >= _BLOCK:
            self._recent_size -= len(self._recent.pop(0))
        return text

    def _to_end(self, text: bytes, size: int) -> bytes:
        """The part of a text that is of this list, and a little more, if that shows whether the list ends."""
        while (end := _END.search(text)) is None:
            if text[text.rindex(b"]") + 1 :].strip(_BEFORE_NEXT) or b"]" not in text[-_TAIL:]:
                return text
            more = super().read(size)
            if not more:
                return text
            text += more
        self._text = text[end.end() :]
        self._is_over = True
        return text[: end.end()]

    def all_notes(self) -> list[str]:
        """Return what to say of the text that was passed over."""
        if self._more:
            self._notes.append(f"{self._more:,} more bytes of text were passed over")
            self._more = 0
        if not self._lines:
            return self._notes
        lines = "1 line" if self._lines == 1 else f"{self._lines:,} lines"
        return [*self._notes, f"{lines} of text between the packets were passed over: {self._line}"]

    def _fill(self) -> bool:
        """Read some more; False at the end of the file."""
        more = super().read()
        self._text += more
        return bool(more)

    def _end(self) -> None:
        """Take what stands behind the last list."""
        if is_text(self._text) and len(self._text) < _ENOUGH:
            self._pass_over(self._text, "behind the packets")
        else:
            self.warnings.append("what stands behind the packets is neither text nor JSON, and could not be read")

    def _pass_over(self, text: bytes, where: str) -> None:
        if len(self._notes) == _MOST_NOTES:
            self._more += len(text)
        elif text.strip():
            self._notes.append(f"{len(text):,} bytes of text {where} were passed over: {quoted(text)}")
