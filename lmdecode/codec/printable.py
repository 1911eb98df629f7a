"""Texts of strangers without anything that a terminal obeys: the one place that decides what that is.

Names, addresses, file names, arguments and what a machine says may hold escape sequences. A terminal would clear its
screen, change its title or colour, or show a line that nobody wrote. What is replaced:

- control characters: C0 with ESC and line ends, DEL, and C1, in which U+009B alone begins a sequence on some terminals;
- U+2028 and U+2029, which end a line in some programs;
- the bidirectional controls, which show a line in another order than it has;
- characters without width that no name needs, and halves of characters, as Python has them for bytes of a file name
  that are not UTF-8: written out they are those bytes again, 0x9B among them.

Everything else stays as it is, so that a name stays right: the joiners U+200C and U+200D that Persian and emoji need,
the selectors behind an emoji, the tags in a flag, and characters that are younger than this Python.
"""

from __future__ import annotations

import re
from typing import Final

_JOINED: Final = (
    r"\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0001"
)
# As texts: to compile them takes a hundredth of the start of a command, and hardly any has something to replace.
_OBEYED: Final = rf"[\x00-\x1f{_JOINED}]"
_OBEYED_IN_LINES: Final = rf"[\x00-\x08\x0b-\x1f{_JOINED}]"


def printable(text: str) -> str:
    r"""Returns a text as one line, without anything that a terminal obeys.

    >>> printable("202°F\x1b"), printable("a\nb")
    ('202°F\\x1b', 'a\\nb')
    """
    return text if text.isprintable() else re.sub(_OBEYED, _escaped, text)


def printable_lines(text: str) -> str:
    r"""Returns a text of several lines, in which line ends and tabs stay. Escapes are as JSON has them.

    So a line of JSON that somebody copies from the terminal still has the same value.

    >>> printable_lines("a\n\x1b[2J")
    'a\n\\u001b[2J'
    """
    return text if text.isprintable() else re.sub(_OBEYED_IN_LINES, _escaped_for_json, text)


def encodable(text: str) -> str:
    r"""Returns a text that UTF-8 can hold: a file's name may have bytes that Python keeps as halves of characters.

    >>> encodable("caff\udce9.pcap")
    'caff\\udce9.pcap'
    """
    return text.encode("utf-8", "backslashreplace").decode()


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _escaped_for_json(match: re.Match[str]) -> str:
    return "".join(f"\\u{unit:04x}" for unit in _units(match[0]))


def _units(char: str) -> memoryview:
    return memoryview(char.encode("utf-16-le", "surrogatepass")).cast("H")
