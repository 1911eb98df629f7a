"""What may be shown of bytes that could not be read: nothing in them that might be a secret, or a piece of one.

A secret is known by its name. Of bytes that are no message the name may be missing, damaged, or on the other side of a
gap; they may be compressed, or masked as an app's frames are, which anybody can undo. So nothing is looked for here:
shown are the words that are known to be none, the signs between them, and short numbers of JSON. All else becomes `**`,
and of what is no text nothing is shown at all. Its owner has the bytes, and sees them with --show-secrets.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from lmdecode.codec.record import MASK
from lmdecode.codec.secrets import masked_text
from lmdecode.codec.vocabulary import rows

WITHHELD: Final = "what may be a secret in its bytes is not shown; --show-secrets shows it"
"""What a Record says of bytes that are not all shown."""

_NO_TEXT: Final = re.compile(rb"[^\t\r\n -~]")
_WORD: Final = re.compile(
    rb"(?P<number>(?:(?<=\":)|(?<=\": ))-?[0-9]{1,3}(?:\.[0-9]{1,3})?(?=[,}\]]))|[^\s\"'`{}\[\]()<>:,;=&?|\\/]+"
)
"""A short number of JSON, which is a measured value or a setting; or a word."""
_HTTP_WORDS: Final = (
    "HTTP 1.0 1.1 GET POST PUT HEAD DELETE OPTIONS PATCH CONNECT api v1 config streaming OK Switching Protocols "
    "Forbidden Not Found Host Connection Upgrade WebSocket keep-alive close Accept Accept-Encoding Authorization "
    "Bearer Basic User-Agent Server Date Content-Type Content-Length Content-Encoding Transfer-Encoding chunked gzip "
    "deflate br application json text html plain charset utf-8 Sec-WebSocket-Version Sec-WebSocket-Key "
    "Sec-WebSocket-Accept Sec-WebSocket-Extensions permessage-deflate Cookie Set-Cookie true false null name value "
    "id isEnabled target current bleAuthToken access_token refresh_token username password MESSAGE SUBSCRIBE "
    "UNSUBSCRIBE CONNECTED SEND ERROR RECEIPT destination subscription message-id content-length content-type"
)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def may_be_shown(data: bytes) -> bytes:
    r"""Return bytes that could not be read, with all in them masked that is not known to be harmless.

    >>> may_be_shown(b'zation: Bearer c0ffee\r\nHost: machine\r\n\r\n')
    b'**: **\r\nHost: **\r\n\r\n'
    >>> may_be_shown(b'ee01"},{"CoffeeBoiler1UpdateTemperature":93.5}]')
    b'**"},{"CoffeeBoiler1UpdateTemperature":93.5}]'
    >>> may_be_shown(b"\x81\x85\x01\x02\x03\x04")
    b''
    """
    if _NO_TEXT.search(data):
        return b""
    known = _known()
    text = masked_text(data.decode("ascii")).encode()
    return _WORD.sub(lambda word: word[0] if word[0] in known or word["number"] else _MASK, text)


_MASK: Final = MASK.encode()


@cache
def _known() -> frozenset[bytes]:
    """The words that are no secrets: of HTTP and STOMP, and the names in the documents of all generations."""
    words = _HTTP_WORDS.split()
    names = (name for row in rows() for name in _NAME.findall(row.path))
    found = {*words, *map(str.lower, words), *map(str.upper, words), *names, MASK}
    return frozenset(word.encode() for word in found)
