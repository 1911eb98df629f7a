r"""Finds secrets in text that is no JSON, or no longer: logs, headers, URLs, Python's dicts, JSON that was cut.

The scan looks for a name, for what stands between a name and its value (quotes, blanks, `:` or `=`), and for the end of
the value. Text may be wrapped in text: quotes have backslashes before them, or are written as `%22`, `&quot;` or
`\u0022`. So the scan looks at several views of a text, in each of which one kind of wrapping is undone, and masks what
it finds in any of them.

The scan masks too much rather than too little: where the end of a value is in doubt, the later one counts.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from lmdecode.codec.record import MASK

_ENDINGS: Final = (
    # accounts, of all clouds; the end of a longer name too: accessToken, client_secret, newPassword
    "token", "password", "passwd", "secret", "client id", "user name", "email", "cookie", "api key",
    "passcode", "passphrase", "credential",
    # machines, and an installation of the app: with its id and its public key, anybody can compute its secret
    "communication key", "installation id", "private key",
    # the house
    "ssid", "mac address", "ip address", "first name", "last name", "phone number",
)  # fmt: skip
"""Words that are secret also at the end of a name. A blank stands where a name may have a blank, `-` or `_`."""
_WHOLE: Final = (
    "authorization", "proxy authorization", "pwd", "otp", "pk", "x request signature", "x request proof",
    "mac", "bssid", "ip", "mail", "surname", "phone", "mobile", "street", "city", "zip", "zip code", "postal code",
    "birth date", "birthday", "fiscal code", "vat number",
)  # fmt: skip
"""Names that are secret as they are."""
NAMED_BY_VALUE: Final = "address"
"""The name that is secret if its value is text and no number."""
_LINES: Final = ("authorization", "cookie")
"""The ends of names of headers whose values may have all kinds of signs: they end with the line."""

_WITH: Final = (
    "list", "hash", "value", "values", "key", "keys", "old", "new", "confirm", "confirmation", "repeat", "text",
    "string", "data", "hex", "base64", "plain",
)  # fmt: skip
"""Words that may stand behind a secret one without making it harmless; numbers may, too. A tokenType is harmless."""

_NOT_ALNUM: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME: Final = 200
_NUMBER: Final = re.compile(r"(?:0x[0-9a-fA-F]{1,8}|[0-9]{1,10})\Z")


def _plain(name: str) -> str:
    return _NOT_ALNUM.sub("", name.lower())


_WHOLE_NAMES: Final = frozenset(map(_plain, _WHOLE))
_NAME_ENDS: Final = re.compile(rf"(?:{'|'.join(map(_plain, _ENDINGS))})(?:s|{'|'.join(_WITH)})?[0-9]{{0,3}}\Z")


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Return whether what a name names is secret, however it is spelled: accessToken, access_token, Access-Token."""
    plain = _plain(name[-_LONGEST_NAME:])
    return plain in _WHOLE_NAMES or _NAME_ENDS.search(plain) is not None


def is_no_address(text: str) -> bool:
    """Return whether a text is a number, and so no address of a network."""
    return _NUMBER.match(text.strip()) is not None


def _spelled(names: tuple[str, ...]) -> str:
    return "|".join(name.replace(" ", "[-_ ]?") for name in sorted(names, key=len, reverse=True))


_QUOTE: Final = r"\\*+[\"'`]"
_BEGIN: Final = r"(?:(?<![a-z0-9])|(?<=\\[rnt]))"
_BEGIN_WRAPPED: Final = rf"(?:{_BEGIN}|(?<=%[0-9a-f]{{2}})|(?<=u00[0-9a-f]{{2}})|(?<=\\x[0-9a-f]{{2}}))"
_MORE: Final = rf"(?:s|[-_ ]?(?:{'|'.join(sorted(_WITH, key=len, reverse=True))}))?(?:[-_]?[0-9]{{1,3}})?"
_NAMED: Final = re.compile(
    rf"(?:(?P<ending>{_spelled(_ENDINGS)}){_MORE}|{_BEGIN}(?:(?P<whole>{_spelled(_WHOLE)})|(?P<doubtful>address)))"
    rf"(?![a-z0-9])(?:{_QUOTE})?[\])]?[ \t]{{0,20}}"
    rf"(?P<sign>=>|:=|[:=>]|,\s{{0,20}}{_QUOTE}value{_QUOTE}[ \t]{{0,20}}[:=]|,(?=\s{{0,20}}[bur]?{_QUOTE}))"
    rf"\s{{0,20}}(?:[bur]?(?P<open>{_QUOTE}))?",
    re.ASCII | re.IGNORECASE,
)
_LOOKS: Final = re.compile(
    r"(?<![\w.%+-])[\w.%+-]{1,128}@[\w-]{1,64}\.[\w.-]{1,128}"  # an e-mail address
    r"|(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])"  # a hardware address
    r"|\beyJ[\w-]{5,4096}(?:\.[\w-]{0,4096}){0,2}"  # a signed token
    r"|[Bb]earer[ +\t]{1,4}[\w.~+/=-]{4,4096}"
    r"|[Bb]asic[ +\t]{1,4}(?=[A-Za-z]{0,400}(?:[0-9+/=]|[a-z][A-Z]))[A-Za-z0-9+/]{8,4096}={0,2}"
    r"|(?:(?<=token )|(?<=password )|(?<=secret ))(?=[^\s0-9]{0,400}[0-9])[\w.~+/=-]{12,4096}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,8192}",
    re.ASCII,
)
_HINT: Final = re.compile(
    rf"@|eyJ|-----BEGIN|(?:[0-9a-f]{{2}}[:-]){{5}}|bearer|basic[ +\t]|%(?:25){{0,9}}(?:40|3a)|[ux]0{{0,2}}40|&#"
    rf"|address|{_spelled(_ENDINGS)}"
    rf"|{_BEGIN_WRAPPED}(?:{_spelled(_WHOLE)})(?![a-z0-9])",
    re.ASCII | re.IGNORECASE,
)
"""What a text has that may have a secret; the others, nearly all, are done with that."""
_LOWER: Final = {ord(upper): upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_LOWER_WORDS: Final = str.maketrans(
    {chr(code): chr(code) if chr(code).isalnum() or chr(code) == '"' else None for code in range(0x80)}
)
_ENDS: Final = (*dict.fromkeys(map(_plain, _ENDINGS)), NAMED_BY_VALUE)
_WHOLES: Final = re.compile(rf"(?:{'|'.join(sorted(name.replace(' ', '[-_ ]?') for name in _WHOLE))})(?![a-z0-9])")
_QUOTED_WHOLES: Final = re.compile(rf'"(?:{"|".join(sorted(_WHOLE_NAMES))})"')
_HARDWARE: Final = re.compile(
    r"[:-][0-9a-f]{2}[:-][0-9a-f]{2}[:-][0-9a-f]{2}[:-]"
)  # of an address; begins with a rare sign


def may_have_secret(text: str) -> bool:
    """Return False if nothing in a text can be secret, as in nearly all texts: this is twenty times as fast as a scan.

    It asks for less than the scan: for each word of a secret name, whatever stands between its letters.
    """
    low = text.lower() if text.isascii() else text.translate(_LOWER)  # `İ` in lower case has two characters
    words = low.translate(_LOWER_WORDS)
    return (
        any([end in words for end in _ENDS])  # noqa: C419 -- a list is faster
        or "@" in low
        or "eyj" in low
        or "-----begin" in low
        or "bearer" in low
        or "basic " in low
        or "basic+" in low
        or "basic\t" in low
        or "&#" in low
        or "%" in low
        or ("40" in low and ("u0" in low or "x0" in low or "u40" in low or "x40" in low))
        or _HARDWARE.search(low) is not None
        or _WHOLES.search(low) is not None
    )


def is_plain_json(text: str) -> bool:
    """Return True if nothing in a whole JSON text can be secret, whatever value it has."""
    if "\\" in text or not text.isascii() or may_have_secret(text):
        return False
    return _QUOTED_WHOLES.search(text.lower().translate(_LOWER_WORDS)) is None


_NOTHING: Final = re.compile(r"(?:null|None)(?=[ \t]{0,20}(?:[\r\n,;}\])&]|\Z))")
_LITERAL: Final = re.compile(r"(?:true|True|false|False|-?[0-9][0-9.eE+-]*)(?=[ \t]{0,20}(?:[\r\n,}\])&]|\Z))")
_TO_LINE_END: Final = re.compile(r"(?:[^\r\n\0\"]|\"(?!\s{0,20}(?:[,:}\]]|\Z)))*")
_TO_MARK: Final = re.compile(r"[^&\s\"<>\0]*")
_CLOSING: Final = {quote: re.compile(rf"(?<!\\)\\*+{quote}") for quote in "\"'`"}
_BRACKETS: Final = re.compile(r"[\[{]|[\]}]|\"(?:[^\"\\]|\\.)*+\\?\"?|'(?:[^'\\]|\\.)*+\\?'?", re.DOTALL)


def masked_looks(text: str) -> str:
    """Return a text with what looks like a secret masked: it needs no name.

    >>> masked_looks("of me@home.example at 00:11:22:33:44:55")
    'of ** at **'
    """
    return _LOOKS.sub(MASK, text) if may_have_secret(text) and _HINT.search(text) else text


def scanned(text: str) -> str:
    """Return a text with the secrets in it masked."""
    if not may_have_secret(text) or not _HINT.search(text):
        return text
    found: list[tuple[int, int]] = []
    for views in _views(text):
        for span in _spans(views[-1].text if views else text):
            begin, end = span
            for view in reversed(views):
                begin, end = view.origin(begin), view.origin(end)
            found.append((begin, end))
    found.sort()
    pieces: list[str] = []
    at = -1
    for begin, end in found:
        if begin > at:
            pieces += (text[max(at, 0) : begin], MASK)
        at = max(at, end)
    return "".join(pieces) + text[max(at, 0) :]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where secrets are in a text, in any order."""
    for looks in _LOOKS.finditer(text):
        yield looks.span()
    at = 0
    for found in _NAMED.finditer(text):
        if found.start() < at:
            continue
        begin = found.end()
        end = _end_of_value(text, found)
        if found["doubtful"] and is_no_address(text[begin : begin + 20] if end - begin > 20 else text[begin:end]):
            continue
        if end > begin:
            yield begin, end
            at = end


def _end_of_value(text: str, found: re.Match[str]) -> int:
    """Return where the value ends that is behind a name; where it begins if there is none."""
    begin, opening = found.end(), found["open"]
    if opening:
        for closing in _CLOSING[opening[-1]].finditer(text, begin):
            if len(closing[0]) <= len(opening):  # with more backslashes before it, a quote is within the value
                return closing.start()
        return len(text)
    if _NOTHING.match(text, begin):
        return begin
    is_header = _plain(found["ending"] or found["whole"] or "").endswith(_LINES)
    if not is_header and (literal := _LITERAL.match(text, begin)):
        return literal.end()
    if text[begin : begin + 1] in {"[", "{"}:
        return _end_of_brackets(text, begin)
    is_line = found["sign"] == ":" or is_header
    ending = (_TO_LINE_END if is_line else _TO_MARK).match(text, begin)
    return begin if ending is None else ending.end()


def _end_of_brackets(text: str, begin: int) -> int:
    depth = 0
    for found in _BRACKETS.finditer(text, begin):
        if found[0] in {"[", "{"}:
            depth += 1
        elif found[0] in {"]", "}"}:
            depth -= 1
            if depth == 0:
                return found.end()
    return len(text)


class _View(NamedTuple):
    """A text as it reads when some wrapping is undone, and where its pieces were."""

    text: str
    begins: list[int]
    origins: list[int]

    def origin(self, at: int) -> int:
        """Return where a place of this text was in the one that it was made of."""
        number = bisect_right(self.begins, at) - 1
        return self.origins[number] + at - self.begins[number]


def _percent(found: re.Match[str]) -> str:
    return chr(int(found[0][-2:], 16))


def _entity(found: re.Match[str]) -> str:
    import html  # noqa: PLC0415 -- few texts have entities, and its table takes a while to load

    return html.unescape(f"&{found[1]};")[:1]


def _escape(found: re.Match[str]) -> str:
    char = chr(int(found[2] or found[3], 16))
    return found[1] + char if char in "\"'`" else char


_LAYERS: Final = 4
_LAYERS_OF_LARGE: Final = 2
_LARGE: Final = 1 << 17  # characters; nobody wraps so much text so often, and each layer takes a second for 4 MB
_Wrapping = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
_WRAPPINGS: Final[tuple[_Wrapping, ...]] = (
    (re.compile(r"%[0-9A-Fa-f]{2}"), _percent),
    (re.compile(r"&(quot|apos|lt|gt|amp|colon|equals|#[0-9]{1,4}|#[xX][0-9a-fA-F]{1,4});"), _entity),
    (re.compile(r"(?<!\\)(\\++)(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))"), _escape),
)


def _views(text: str) -> Iterator[tuple[_View, ...]]:
    """Yield a text as it is, and as it reads when its wrappings are undone, one after another in all orders.

    Each is undone by one layer at a time: where the quotes of a text are `%22`, one within a value is `%2522`.
    """
    seen = {text}
    layer: list[tuple[_View, ...]] = [()]
    for _ in range(_LAYERS if len(text) < _LARGE else _LAYERS_OF_LARGE if len(text) < 8 * _LARGE else 1):
        yield from layer
        inner: list[tuple[_View, ...]] = []
        for views in layer:
            outer = views[-1].text if views else text
            for wrapping in _WRAPPINGS:
                if wrapping[0].search(outer):
                    view = _undone(outer, wrapping)
                    if view.text not in seen:
                        seen.add(view.text)
                        inner.append((*views, view))
        layer = inner
    yield from layer


def _undone(text: str, wrapping: _Wrapping) -> _View:
    pattern, undo = wrapping
    pieces: list[str] = []
    begins, origins = [0], [0]
    at = length = 0
    for found in pattern.finditer(text):
        plain, char = text[at : found.start()], undo(found)
        pieces += (plain, char)
        length += len(plain)
        at = found.end()
        begins += (length, length + len(char))
        origins += (found.start(), at)
        length += len(char)
    pieces.append(text[at:])
    return _View("".join(pieces), begins, origins)
