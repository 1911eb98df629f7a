"""The secrets in messages of HTTP, WebSocket and Bluetooth, and how they are masked; `v1.redaction` has those of v1.

Masking happens where Records are made, so that no output can forget it. A name decides: of a JSON member, a header, a
parameter of a form or a query. What it names is replaced by `**` wherever it stands, however deep, also in JSON text
within a string. A text that is no JSON is scanned for the same names, see `secret_text`, which masks too much rather
than too little. What is secret by its looks is masked without a name: e-mail addresses, hardware addresses, tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_plus

from lmdecode.codec.json_text import parsed
from lmdecode.codec.record import MASK
from lmdecode.codec.secret_text import NAMED_BY_VALUE, is_no_address, is_secret_name, masked_looks, scanned

_DEEPEST: Final = 200  # levels of lists and objects; a dashboard has ten


def is_secret(name: str) -> bool:
    """Return whether what a name names is secret.

    >>> is_secret("bleAuthToken"), is_secret("X-Request-Signature"), is_secret("ble_auth_token"), is_secret("X-Nonce")
    (True, True, True, False)
    """
    return is_secret_name(name)


def masked(value: object) -> object:
    """Return a JSON value with everything masked that a secret name names, also in JSON text within strings.

    What is nested more than 200 levels deep is masked whole: no message needs that, and Python could not follow.

    >>> masked({"things": [{"bleAuthToken": "0123", "name": "MR1"}], "text": '{"ssid": "home"}'})
    {'things': [{'bleAuthToken': '**', 'name': 'MR1'}], 'text': '{"ssid":"**"}'}
    >>> masked([{"name": "ssid", "value": "home"}, {"address": 16412}, {"address": "10.0.0.7"}])
    [{'name': 'ssid', 'value': '**'}, {'address': 16412}, {'address': '**'}]
    """
    return _masked(value, 0)


def _masked(value: object, depth: int) -> object:
    if isinstance(value, str):
        return _masked_string(value, depth)
    if depth > _DEEPEST and isinstance(value, dict | list):
        return MASK
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and is_secret_name(value[0]):  # a header as a pair
            return [value[0], _hidden(value[1])]
        return [_masked(each, depth + 1) for each in value]
    if isinstance(value, dict):
        named = value.get("name", value.get("key"))
        whole = isinstance(named, str) and names_secret(named, value.get("value"))
        return {
            _masked_name(name): _hidden(each)
            if names_secret(str(name), each) or (whole and name == "value")
            else _masked(each, depth + 1)
            for name, each in value.items()
        }
    return value


def names_secret(name: str, value: object) -> bool:
    """Return whether a member is secret: by its name, or by its name and its value.

    An address is that of a network or a house if it is text, and a place in a memory if it is a number.

    >>> names_secret("address", "10.0.0.7"), names_secret("address", 16412), names_secret("address", "0x401C")
    (True, False, False)
    """
    if name.lower() == NAMED_BY_VALUE:
        return isinstance(value, list | dict) or (isinstance(value, str) and not is_no_address(value))
    return is_secret_name(name)


def _hidden(value: object) -> object:
    return None if value is None else MASK


def _masked_name(name: object) -> object:
    """Return a member's name with what looks like a secret masked: there are objects by hardware addresses."""
    if not isinstance(name, str):
        return name
    return _looked_at(name) if len(name) <= _REPEATED else masked_looks(name)


_looked_at: Final = lru_cache(maxsize=4096)(masked_looks)
_REPEATED: Final = 100  # characters; names are shorter, and come again and again


def _masked_string(value: str, depth: int) -> str:
    if value[:1] in {"{", "[", '"'} and depth <= _DEEPEST:
        inner, _, is_exact = parsed(value)
        if not is_exact:  # of a member that is there twice, the value has the last one alone
            return masked_text(value)
        if isinstance(inner, dict | list) or (isinstance(inner, str) and inner[:1] in {"{", "[", '"'}):
            changed = _masked(inner, depth + 1)
            return value if changed == inner else json.dumps(changed, separators=(",", ":"), ensure_ascii=False)
    return masked_text(value)


def masked_text(text: str) -> str:
    """Return a text with everything masked that stands behind a secret name, up to the end of the value.

    >>> masked_text('{"name": "MR1", "bleAuthToken": "01234')
    '{"name": "MR1", "bleAuthToken": "**'
    >>> masked_text("{'headers': {'Authorization': 'Bearer abc'}, 'days': 7}")
    "{'headers': {'Authorization': '**'}, 'days': 7}"
    """
    return scanned(text)


def masked_bytes(data: bytes) -> bytes:
    """Return bytes that begin as JSON does with the secrets in them masked.

    >>> masked_bytes(b'{"token":"abc"')
    b'{"token":"**"'
    """
    text = data.decode("latin-1")
    hidden = masked_text(text)
    return data if hidden == text else hidden.encode("latin-1", "replace")


def masked_rest(text: str) -> str:
    """Return a text whose beginning is missing with everything masked that may be the rest of a secret.

    That is all up to the first quote that ends a text of JSON, or to the end of the line, if it has none. If that text
    is the rest of a name, its value is masked as well.

    >>> masked_rest('c0ffee 01","name":"MR1"')
    '**","name":"MR1"'
    >>> masked_rest('oken":"c0ffee 01","name":"MR1"')
    '**":"**","name":"MR1"'
    """
    if not text:
        return ""
    text = masked_text(text)
    found = _END_OF_REST.search(text)
    if found is None:
        return MASK
    left = text[found.start() :]
    if found["colon"]:  # it was a name; which one is not known
        return MASK + masked_text(_ANY_NAME + left).removeprefix(_ANY_NAME)
    return MASK + left


_END_OF_REST: Final = re.compile(r"""(?<!\\)\\*+["'](?=\s{0,20}(?:[,}\]]|(?P<colon>:)|\Z))|[\r\n]""")
_ANY_NAME: Final = "token"


def masked_beginning(data: bytes) -> bytes:
    """Return bytes whose beginning is missing with everything masked that may be the rest of a secret.

    >>> masked_beginning(b'c0ffee01","name":"MR1"')
    b'**","name":"MR1"'
    """
    return masked_rest(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def masked_with_holes(text: str, hole: str = "\0") -> str:
    r"""Return a text in which pieces are missing with the secrets masked, also the rest of one behind a hole.

    >>> masked_with_holes('{"name": "MR1", "ble\0 c0ffee01", "days": 7}')
    '{"name": "MR1", "ble\x00**", "days": 7}'
    """
    first, *rest = text.split(hole)
    return hole.join([masked_text(first), *map(masked_rest, rest)])


_LONG_TOKEN: Final = re.compile(r"(?<![\w+-])(?=[A-Za-z_+-]{0,400}[0-9])(?=[0-9_+-]{0,400}[A-Za-z])[\w+-]{24,}={0,2}")


def masked_page(text: str) -> str:
    """Return a text that is no JSON with the secrets masked, and with what is as long as a token and as mixed.

    In such a text there are no names to go by: a firewall's page may quote a header.

    >>> masked_page("Request 5f1d7a0c93b2e84466d8a1c07e35f9b2 blocked")
    'Request ** blocked'
    """
    return _LONG_TOKEN.sub(MASK, masked_with_holes(text))


def masked_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers with the values of the secret ones masked.

    >>> masked_headers([("Authorization", "Bearer abc"), ("Accept", "*/*")])
    [('Authorization', '**'), ('Accept', '*/*')]
    """
    return [
        (masked_text(name), MASK if names_secret(name, value) else _masked_string(value, 0)) for name, value in headers
    ]


def masked_form(text: str) -> str:
    """Return a form or a query with the values of the secret names masked. All else stays as it is written.

    >>> masked_form("user%6Eame=a%40b.example&days=7")
    'user%6Eame=**&days=7'
    """
    return "&".join(map(_masked_pair, text.split("&")))


def _masked_pair(pair: str) -> str:
    pair, hole, _ = pair.partition("\0")
    if hole:  # bytes are missing: what stands behind them may be the rest of anything
        return f"{_masked_pair(pair)}{hole}{MASK}"
    name, equals, value = pair.partition("=")
    if not equals:
        return masked_text(pair)
    plain = unquote_plus(value)
    if names_secret(unquote_plus(name).strip(), plain):
        return f"{name}={MASK}"
    hidden = _masked_string(plain, 0)
    return f"{masked_text(name)}={value if hidden == plain else hidden}"


def masked_target(target: str) -> str:
    """Return the target of a request with the secrets in its path and its query masked.

    >>> masked_target("/api/customer?access_token=abc&days=7#top")
    '/api/customer?access_token=**&days=7#top'
    """
    target, hash_mark, fragment = target.partition("#")
    path, mark, query = target.partition("?")
    return f"{masked_text(path)}{mark}{masked_form(query)}{hash_mark}{masked_form(fragment)}"
