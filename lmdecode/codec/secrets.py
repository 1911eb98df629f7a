"""The secrets in messages of HTTP, WebSocket and Bluetooth, and how they are masked; `v1.redaction` has those of v1.

Masking happens where Records are made, so that no output can forget it. A name decides: of a JSON member, a header, a
parameter of a form or a query. What it names is replaced by `**` wherever it stands, however deep, also in JSON text
within a string. A text that cannot be parsed is masked by a scan that looks for the same names, and masks too much
rather than too little.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_plus

from lmdecode.codec.record import MASK

SECRET_NAMES: Final = frozenset(
    (
        # accounts, of all clouds
        "accesstoken", "refreshtoken", "access_token", "refresh_token", "id_token", "token", "password", "username",
        "email", "client_id", "client_secret", "authorization", "proxy-authorization", "cookie", "set-cookie",
        # machines
        "communicationkey", "communication_key", "bleauthtoken", "ble_auth_token",
        # an installation of the app: with its id and its public key, anybody can compute the secret
        "x-app-installation-id", "x-request-signature", "x-request-proof", "pk", "installation_id", "private_key",
        "secret", "installationid",
        # the house
        "wifissid", "ssid", "mac", "bssid", "address",
    )
)  # fmt: skip
"""Names of what is secret or personal, in lower case."""


def is_secret(name: str) -> bool:
    """Return whether what a name names is secret.

    >>> is_secret("bleAuthToken"), is_secret("X-Request-Signature"), is_secret("X-Nonce")
    (True, True, False)
    """
    return name.lower() in SECRET_NAMES


def masked(value: object) -> object:
    """Return a JSON value with everything masked that a secret name names, also in JSON text within strings.

    >>> masked({"things": [{"bleAuthToken": "0123", "name": "MR1"}], "text": '{"ssid": "home"}'})
    {'things': [{'bleAuthToken': '**', 'name': 'MR1'}], 'text': '{"ssid":"**"}'}
    """
    if isinstance(value, dict):
        return {
            name: (MASK if each is not None else None) if is_secret(str(name)) else masked(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [masked(each) for each in value]
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            return masked_text(value)
        changed = masked(inner)
        return value if changed == inner else json.dumps(changed, separators=(",", ":"), ensure_ascii=False)
    return value


_NAMED: Final = re.compile(
    r"(?i)(?<![\w-])(?:" + "|".join(map(re.escape, sorted(SECRET_NAMES, key=len, reverse=True))) + r")(?![\w-])"
    r"[\\'\" \t]{0,8}[:=][ \t]{0,8}(?:Bearer )?"
)
_VALUE: Final = re.compile(r"(?:Bearer[ +])?[\\]{0,4}([\"'])?")


def masked_text(text: str) -> str:
    """Return a text with everything masked that stands behind a secret name, up to the end of the value.

    >>> masked_text('{"name": "MR1", "bleAuthToken": "01234')
    '{"name": "MR1", "bleAuthToken": **'
    """
    pieces: list[str] = []
    at = 0
    for found in _NAMED.finditer(text):
        if found.start() < at:
            continue
        pieces += (text[at : found.end()], MASK)
        at = _end_of_value(text, found.end())
    return "".join(pieces) + text[at:] if pieces else text


_TO_QUOTE: Final = re.compile(r"[^\"'\r\n\0]*(?:\\*[\"'])?")
_TO_MARK: Final = re.compile(r"[^\s,;&}\]\"'<>\0]*")


def _end_of_value(text: str, at: int) -> int:
    start = _VALUE.match(text, at)
    begin = at if start is None else start.end()
    pattern = _TO_QUOTE if start is not None and start[1] else _TO_MARK
    found = pattern.match(text, begin)
    return begin if found is None else found.end()


def masked_form(text: str) -> str:
    """Return a form or a query with the values of the secret names masked. All else stays as it is written.

    >>> masked_form("user%6Eame=a%40b.example&days=7")
    'user%6Eame=**&days=7'
    """
    return "&".join(map(_masked_pair, text.split("&")))


def _masked_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        return pair
    if is_secret(unquote_plus(name).strip()):
        return f"{name}={MASK}"
    plain = unquote_plus(value)
    hidden = masked(plain)
    return pair if hidden == plain else f"{name}={hidden}"


def masked_target(target: str) -> str:
    """Return the target of a request with the secrets in its query masked.

    >>> masked_target("/api/customer?access_token=abc&days=7")
    '/api/customer?access_token=**&days=7'
    """
    path, mark, query = target.partition("?")
    return f"{path}{mark}{masked_form(query)}"


def masked_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers with the values of the secret ones masked.

    >>> masked_headers([("Authorization", "Bearer abc"), ("Accept", "*/*")])
    [('Authorization', '**'), ('Accept', '*/*')]
    """
    return [(name, MASK if is_secret(name) else value) for name, value in headers]
