"""What the lines of lmdirect's debug log say: plain text in, what it says of each message out.

lmdirect writes four kinds of lines about messages:

    Sending 03100002 with 0610 11               what the app sends, and the second byte of its address, or None
    Message=03110002, Data=OK                   what the machine said
    Command Succeeded: 03110002: OK             the same once more, of a write
    Unexpected response: R401C000403BC04D8B6    the same once more, with all that came

On the way to us blanks became cells of tables, and lines were wrapped or put together. So between two words anything
may stand but letters and digits, `JOINT` may stand within a word, and digits may be broken where the length in the
message says how many belong to it. Broken digits are put together only if they come out at exactly that length: a digit
that belongs to something else must not become a value.

Each repetition here has a bound, so that the time grows with the text and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from lmdecode.codec.log_text import JOINT, time_before, time_of_object
from lmdecode.codec.v1.message import check_byte


class Form(Enum):
    """What a line is about."""

    MESSAGE = auto()
    SENDING = auto()
    RESULT = auto()
    WHOLE = auto()


class Said(NamedTuple):
    """What a line says about a message."""

    form: Form
    time_ns: int | None
    """None if the line does not say."""
    has_zone: bool
    letter: str | None
    """Of the message's kind, if it is known."""
    preamble: str
    data: str
    check: str | None = None
    """The check byte, if the line has it."""

    def completes(self, held: Said) -> Said | None:
        """Return an earlier line with what this one adds; None if this one is about another message."""
        is_more = self.form in (Form.RESULT, Form.WHOLE)
        if not is_more or (self.preamble, self.data) != (held.preamble, held.data):
            return None
        return held._replace(letter=self.letter, check=self.check)


class Mention(NamedTuple):
    """A message that a text mentions."""

    start: int
    end: int
    said: Said | None
    """None if it cannot be read."""
    missing: str = ""
    """What is not there, if it cannot be read; "" if somebody else may have used the same words."""
    is_short: bool = False
    """Whether the text ends before the message is known to be whole, so that the next line may have more of it."""
    lacks: int = 0
    """How many digits it lacks, if it is short of some."""


def _loose(word: str) -> str:
    """A word in which lines may have been put together."""
    return f"{JOINT}?".join(word)


_HEX: Final = "[0-9A-Fa-f]"
_GAP: Final = r"[^0-9A-Za-z\v]{1,40}"
_IS: Final = r"[\"' \n]{0,8}[=:][\"'\n]{0,8}"
_PREAMBLE: Final = rf"({_HEX}(?:[\n ]?{_HEX}){{7}})(?![0-9A-Za-z])"
_SENDING, _DATA, _WITH, _NONE = map(_loose, ("Sending", "Data", "with", "None"))
_RESULT: Final = f"{_loose('Command')}{_GAP}(?:{_loose('Succeeded')}|{_loose('Failed')})"
_RESPONSE: Final = f"{_loose('Unexpected')}{_GAP}{_loose('response')}"

_KEYWORD: Final = re.compile(
    rf"(?<![0-9A-Za-z])(?:({_loose('Message')}{_IS})|({_SENDING}{_GAP})|({_RESULT}{_GAP})|({_RESPONSE}{_GAP}))"
)
_REST: Final = {
    Form.MESSAGE: re.compile(rf"[ \n]{{0,8}}{_PREAMBLE}{_GAP}{_DATA}{_IS}"),
    Form.SENDING: re.compile(rf"{_PREAMBLE}{_GAP}{_WITH}{_GAP}"),
    Form.RESULT: re.compile(rf"{_PREAMBLE}[\"' \n|]{{0,8}}[:;,|\n][\"' \n|]{{0,8}}"),
    Form.WHOLE: re.compile(rf"([RWZrwz]{JOINT}?{_HEX}(?:{JOINT}?{_HEX}){{7}}){JOINT}?"),
}
# How a mention goes on that cannot be read, where nothing says that lmdirect wrote it: others say such words as well.
_LIKELY: Final = {
    Form.MESSAGE: re.compile(rf"[^\v]{{0,80}}?{_DATA}{_IS}"),
    Form.SENDING: re.compile(rf"[0-9A-Fa-f \n]{{4,20}}{_GAP}{_WITH}{_GAP}"),
    Form.RESULT: re.compile(rf"(?:{_HEX}{JOINT}?){{4}}"),
    Form.WHOLE: re.compile(rf"[RWZrwz](?:{JOINT}?{_HEX}){{4}}"),
}
_LACKING: Final = {
    Form.MESSAGE: ("Message= without 8 hexadecimal digits", "Message= without Data="),
    Form.SENDING: ("Sending without 8 hexadecimal digits", "Sending without its data"),
    Form.RESULT: ("Command without 8 hexadecimal digits", "Command without its result"),
    Form.WHOLE: ("Unexpected response without kind and 8 hexadecimal digits",) * 2,
}
_HAS_PREAMBLE: Final = re.compile(rf"[ \n]{{0,8}}{_PREAMBLE}")
_ORPHAN: Final = re.compile(rf"(?<![0-9A-Za-z]){_HEX}{{8}}{_GAP}{_DATA}{_IS}{_HEX}{{2}}")
_LOGGER: Final = "lmdirect"
_OBJECT: Final = 1000  # characters around a line in JSON in which the object may have its time
_LOGGER_REACH: Final = 120  # characters from the logger's name to what it logs, at most

_WORD: Final = re.compile(r"[!$%+\--:=?@A-Z^a-z]*")
_DIGITS: Final = re.compile(rf"{_HEX}*")
_MORE_DIGITS: Final = re.compile(rf"[ \n|>'\",;]{{1,60}}({_HEX}+)(?![0-9A-Za-z:.\-/])")
_BLANKS: Final = re.compile(r"[ \n\"']{0,60}")
_AFTER_BROKEN: Final = re.compile(r"[ \n]{0,40}(?:\Z|[|\"',;)\]}\v]|\d{4}-\d\d-)", re.ASCII)
_NOTHING_MORE: Final = re.compile(r"[ \n|>'\",;\]})]{0,200}\Z")
_OK: Final = re.compile(rf"[ \n]{{0,60}}O{JOINT}?K(?![0-9A-Za-z])")
_DATE: Final = re.compile(r"\d{4}-\d", re.ASCII)
_SENT_NOTHING: Final = re.compile(_NONE)
_KEY: Final = re.compile(rf"{_GAP}(?:({_NONE})|({_HEX}{JOINT}?{_HEX}))(?![0-9A-Za-z:.\-/])")
_KEY_BROKEN: Final = re.compile(rf"[^0-9A-Za-z\v]{{0,200}}(?:N(?:on?)?|{_HEX})?\Z")
_AFTER_SENT: Final = re.compile(rf"{_KEY.pattern}|{_KEY_BROKEN.pattern}")
_ENDS: Final = re.compile(r"[^0-9A-Za-z]{0,40}(?:\Z|\d{4}-\d\d-)", re.ASCII)
_COLOR_REST: Final = ("m", "0m", "$")  # and what `cat -A` puts at the end of a line

# The end of a text in which a message may have begun, although no keyword of it is whole.
_BROKEN_WORD: Final = re.compile(
    r"(?:\b(?:Command|Unexpected)[^0-9A-Za-z]{0,20}|lmdirect[\w.]{0,40}[^0-9A-Za-z]{0,20}(?=[MSCU]))[A-Za-z]{0,10}"
    r"[^0-9A-Za-z]{0,20}\Z"
)
_TAIL: Final = 200  # characters at the end of a text that are looked at for one


def read_text(text: str) -> Iterator[Mention]:
    """Yield the messages that a text mentions, in order, those that cannot be read as well."""
    position = 0
    has_object = "{" in text  # asked once, since a line may be long and have many messages
    while (keyword := _KEYWORD.search(text, position)) is not None:
        form = Form(keyword.lastindex)
        mention = _read(form, text, keyword, position, has_object=has_object)
        yield mention
        position = mention.end


def is_orphan(text: str) -> bool:
    """Return True if a text has the end of a message whose beginning is not there."""
    return _ORPHAN.search(text) is not None


def may_go_on(text: str) -> bool:
    """Return True if a message may have begun at the end of a text of which no keyword is whole."""
    return _BROKEN_WORD.search(text[-_TAIL:]) is not None


def _read(form: Form, text: str, keyword: re.Match[str], before: int, *, has_object: bool) -> Mention:
    """Read a message. The text of the one before it ends at `before`. An object in the text may have its time."""
    rest = _REST[form].match(text, keyword.end())
    if rest is None:
        return _unreadable(form, text, keyword)
    preamble = rest[1].replace(JOINT, "").replace(" ", "").upper()
    letter: str | None = "W" if form is Form.RESULT else None
    check: str | None = None
    kind = ""
    if form is Form.WHOLE:
        kind, preamble = preamble[0], preamble[1:]
    wanted = 2 * int(preamble[4:], 16)
    if form is Form.SENDING:
        letter, preamble, data, end, is_short = _sent(text, rest.end(), preamble, wanted)
    else:
        wanted += 2 * (form is Form.WHOLE)
        data, end, is_short = _payload(text, rest.end(), wanted)
    lacks = max(0, wanted - len(data)) if is_short else 0
    if form is Form.WHOLE:
        letter, preamble, data, check = _with_check(kind + rest[1].replace(JOINT, "")[1:], data)
    elif is_hex(data):
        data = data.upper()
    time = time_before(text[before : keyword.start()], is_first=not before)
    if time is None and has_object:
        time = time_of_object(text[max(before, keyword.start() - _OBJECT) : end + _OBJECT])
    time_ns, has_zone = (None, False) if time is None else time
    said = Said(form, time_ns, has_zone, letter, preamble, data, check)
    return Mention(keyword.start(), end, said, is_short=is_short, lacks=lacks)


def _unreadable(form: Form, text: str, keyword: re.Match[str]) -> Mention:
    start, end = keyword.span()
    is_ours = _LOGGER in text[max(0, start - _LOGGER_REACH) : start] or _LIKELY[form].match(text, end)
    has_preamble = _HAS_PREAMBLE.match(text, end) is not None
    return Mention(start, end, None, _LACKING[form][has_preamble] if is_ours else "")


def _sent(text: str, position: int, preamble: str, wanted: int) -> tuple[str, str, str, int, bool]:
    """Return letter, preamble and data of what is sent, where the text of it ends, and whether it may go on."""
    nothing = _SENT_NOTHING.match(text, position)
    if nothing is not None:
        letter, data, end = "R", "", nothing.end()
    else:
        letter = "W"
        data, end, _ = _payload(text, position, wanted, _AFTER_SENT)
        data = data.upper() if is_hex(data) else data
    key = _KEY.match(text, end)
    if key is not None and key[2] and JOINT in key[0] and not _ENDS.match(text, key.end()):
        key = None  # a line that begins with a number
    if key is None:
        return letter, preamble, data, end, _KEY_BROKEN.match(text, end) is not None
    if key[2]:
        preamble = f"{preamble[:2]}{key[2].replace(JOINT, '').upper()}{preamble[4:]}"
    return letter, preamble, data, key.end(), False


def _payload(text: str, position: int, wanted: int, after: re.Pattern[str] = _AFTER_BROKEN) -> tuple[str, int, bool]:
    """Return what stands at a position as data, where it ends, and whether it may go on after the end of the text.

    Args:
        text: The text.
        position: Where the data should begin.
        wanted: How many digits the message says that it has.
        after: What must follow digits that were put together: other words are no end of a message.
    """
    accepted = _OK.match(text, position)
    if accepted is not None:
        return "OK", accepted.end(), False
    blanks = _BLANKS.match(text, position)
    begin = position if blanks is None else blanks.end()
    word, end = _word(text, begin, wanted)
    if not is_hex(word):
        return (word, end, word == "O" and end == len(text)) if begin == position else ("", position, False)
    digits, last = word, end
    while len(digits) < wanted and (more := _MORE_DIGITS.match(text, last)) is not None:
        digits, last = digits + more[1], more.end()
    is_broken = last > end or begin > position
    if len(digits) == wanted and (not is_broken or after.match(text, last)):
        return digits, last, False
    is_short = len(digits) < wanted and _NOTHING_MORE.match(text, last) is not None
    if is_short and JOINT in text[position:last]:
        return digits, last, True
    return (word, end, is_short) if begin == position else ("", position, is_short)


def _word(text: str, position: int, wanted: int) -> tuple[str, int]:
    match = _WORD.match(text, position)
    if match is None or _DATE.match(match[0]):
        return "", position
    word, end = match[0], match.end()
    if not is_hex(word):
        stripped = word.rstrip(".:!?-")
        if is_hex(stripped) and stripped:
            return stripped, end
        if is_hex(word[:wanted]) and word[wanted:] in _COLOR_REST:
            return word[:wanted], end
    if is_hex(word[:wanted]) and _DATE.match(word, wanted):  # the next line, whose end is lost without a blank
        return word[:wanted], position + wanted
    return word, end


def _with_check(header: str, rest: str) -> tuple[str, str, str, str]:
    """Return letter, preamble, data and check byte of a whole message.

    They are in upper case, as machines write them, unless only the lower case has the right check byte.
    """
    body, check = header + rest[:-2], rest[-2:]
    upper, upper_check = body.upper(), check.upper()
    if is_hex(rest) and (_is_checked(upper, upper_check) or not _is_checked(body, check)):
        body, check = upper, upper_check
    return body[0].upper(), body[1:9], body[9:], check


def _is_checked(body: str, check: str) -> bool:
    return f"{check_byte(body.encode('ascii')):02X}" == check


def is_hex(text: str) -> bool:
    """Return True if a text has nothing but hexadecimal digits."""
    return _DIGITS.fullmatch(text) is not None
