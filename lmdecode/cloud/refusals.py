"""What the cloud says when it refuses, and what to do about it: each reason has a line of its own.

A wrong password is called one only if the cloud says so: owners who are told that it is wrong try others, and accounts
get locked. What the cloud says is looked at for the words that are known, and never shown, for it may quote what was
sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from itertools import islice
from typing import Final

from lmdecode.capture.http.bodies import form, json_value
from lmdecode.capture.http.exchange import Response, header
from lmdecode.cloud.findings import AGAIN, Problem, Trouble
from lmdecode.cloud.http import inflated

UPDATE: Final = "update lmdecode (lmdecode doctor says how)"


class Asked(Enum):
    """What the cloud was asked for."""

    LOGIN = "the login"
    RENEWAL = "the renewal of a login"
    MACHINES = "the request for the machines"


class _Reason(Enum):
    PASSWORD = auto()
    CLIENT = auto()
    LOCKED = auto()
    DISABLED = auto()
    SECOND_STEP = auto()
    TOO_OFTEN = auto()
    TOKEN = auto()


_ANEW: Final = "lmdecode harvest finds them anew"
_LATER: Final = "try again later"

_ERRORS: Final[dict[str, str]] = {
    "invalid_client": f"client id or client secret are refused (invalid_client), not your password; {_ANEW}",
    "unauthorized_client": f"this client id may not log in with a password (unauthorized_client); {_ANEW}",
    "invalid_request": (
        f"it takes the request for malformed (invalid_request), which says nothing about your password; {UPDATE}"
    ),
    "unsupported_grant_type": (
        f"it takes no logins with a password any more (unsupported_grant_type); {UPDATE}, or use lmdecode harvest"
    ),
    "invalid_scope": f"it does not give what was asked for (invalid_scope), whatever the password; {UPDATE}",
    "access_denied": "it denies access (access_denied), whatever the password; check that you can log in in the app",
    "temporarily_unavailable": f"it cannot log anybody in at the moment (temporarily_unavailable); {_LATER}",
    "server_error": f"it has a problem of its own (server_error); {_LATER}",
}
"""By the error codes of OAuth 2 (RFC 6749, sections 4.1.2.1 and 5.2), apart from `invalid_grant`, which has several
reasons: what the cloud means and what to do."""

_REASONS: Final[dict[_Reason, str]] = {
    _Reason.PASSWORD: "user name or password is wrong, so neither is used; log in again with the right password",
    _Reason.CLIENT: f"client id or client secret are refused, not your password; {_ANEW}",
    _Reason.LOCKED: (
        "the account is locked, often after too many attempts; do not try again now: wait, or reset the password in "
        "the app"
    ),
    _Reason.DISABLED: "the account is not active, whatever the password; open it in the app, which says what it wants",
    _Reason.SECOND_STEP: (
        "the account wants a second step, which lmdecode cannot do; lmdecode harvest watches the app's login instead"
    ),
    _Reason.TOO_OFTEN: "there were too many attempts; wait some minutes before you log in again",
    _Reason.TOKEN: f"the token has expired or was used already; {AGAIN}",
}

_WORDS: Final[tuple[tuple[_Reason, re.Pattern[str]], ...]] = (
    # The order matters: "locked after too many wrong passwords" is about a lock. No pattern has a repetition without
    # a bound: they run on texts of strangers.
    (_Reason.LOCKED, re.compile(r"\block(?:ed|out)\b|_locked\b|\b(?:account|user)\b[^\n]{0,40}?(?:blocked|suspended)")),
    (
        _Reason.TOO_OFTEN,
        re.compile(r"too[ _-]many|rate[ _-]?limit|throttl|slow_down|(?:limit|quota) exceeded"),
    ),
    (
        _Reason.DISABLED,
        re.compile(
            r"(?:account|user|e-?mail)\b[^\n]{0,40}?(?:disabled|deactivated|inactive|unverified|expired"
            r"|not [^\n]{0,10}?(?:active|activated|enabled|verified|confirmed))"
            r"|account_(?:disabled|inactive)|password [^\n]{0,20}?expired|must (?:change|reset)"
        ),
    ),
    (_Reason.SECOND_STEP, re.compile(r"\bmfa|\b2fa\b|two[ -]factor|multi[ -]factor|one[ -]time|interaction_required")),
    (
        _Reason.CLIENT,
        re.compile(r"client[ _-]?(?:id\b|secret|credential|authentication)|(?:invalid|bad)[ _]client"),
    ),
    (_Reason.TOKEN, re.compile(r"(?:refresh|access)[ _-]?token|invalid_token|token [^\n]{0,10}?expired|expired_token")),
)
_ABOUT_A_PASSWORD = re.compile(r"password|credential|user[ _]?name|\be-?mail\b").search
_WRONG = re.compile(
    r"invalid|wrong|incorrect|\bbad\b|mismatch|not match|not [^\n]{0,10}?(?:valid|correct|recogni[sz]ed)|failed"
).search
_ABOVE_CODES: Final = frozenset((_Reason.LOCKED, _Reason.TOO_OFTEN, _Reason.DISABLED, _Reason.SECOND_STEP))
_OF_A_SERVER: Final = frozenset(("server_error", "temporarily_unavailable"))
_VAGUE: Final = frozenset(("access_denied", "invalid_request"))
"""Codes that servers give for all that has no code of its own: the text beside one says more."""
_LONGEST_TEXT: Final = 2000  # characters; an explanation has a line or two
_MOST_TEXTS: Final = 40
_DEEPEST: Final = 6  # lists and objects in each other; `{"errors": [{"error": {"code": …}}]}` has four
_FIREWALLS: Final = ("cf-mitigated", "x-amzn-waf-action", "x-sucuri-block", "x-iinfo")
_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII).fullmatch


def refusal(asked: Asked, response: Response) -> Problem:
    """Returns why the cloud refused, and what to do; one line without anything that it said.

    Args:
        asked: What it was asked for.
        response: Its answer, whatever its status.
    """
    status = response.status
    code, said = _said(response, asked)
    return Problem(Trouble.REFUSED, _text(asked, status, response, code, said))


def names_an_error(response: Response) -> bool:
    """Returns True if an answer says that it is an error that is known, whatever its status."""
    return _is_from_a_firewall(response) or _said(response, Asked.LOGIN) != (None, None)


def _text(asked: Asked, status: int, response: Response, code: str | None, said: _Reason | None) -> str:
    rejected = f"the cloud {'rejected' if asked is Asked.LOGIN else 'refused'} {asked.value} ({status})"
    if _is_from_a_firewall(response):
        return _firewall(asked, status)
    if status >= 500 and code not in _OF_A_SERVER:
        code = said = None
    if code in _ERRORS and not (code in _VAGUE and said in _ABOVE_CODES):
        return f"{rejected}: {_ERRORS[code]}"
    if code == "invalid_grant" and said not in _ABOVE_CODES:
        said = _Reason.PASSWORD if asked is Asked.LOGIN else _Reason.TOKEN
    if asked is not Asked.LOGIN and said in {_Reason.PASSWORD, _Reason.CLIENT}:
        said = None
    if said is _Reason.TOO_OFTEN or (status == 429 and said is not _Reason.LOCKED):
        return f"the cloud wants fewer requests ({status} to {asked.value}); {_wait(response)}"
    if said is not None and not (said is _Reason.TOKEN and asked is Asked.LOGIN):
        return f"{rejected}: {_REASONS[said]}"
    return _by_status(asked, status, response, rejected)


def _by_status(asked: Asked, status: int, response: Response, rejected: str) -> str:
    """What the status alone, and the form of the answer, tell."""
    if status == 511 or 300 <= status < 400:
        text = (
            f"{asked.value} was redirected ({status}), and the cloud does not do that: is there a log-in page on this "
            "network? Open any page in a browser, log in there, and try again"
        )
    elif status == 407:
        text = f"the proxy on the way wants a user name and password of its own (407 to {asked.value}): set HTTPS_PROXY"
    elif status >= 500:
        text = f"the cloud has a problem of its own ({status} to {asked.value}); {_LATER}"
    elif status in {404, 405, 410}:
        text = f"this address of the cloud is gone ({status} to {asked.value}), whatever the password; {UPDATE}"
    elif status in {403, 406, 418, 451} or (_is_page(response) and status != 401):
        text = _firewall(asked, status)
    elif asked is Asked.LOGIN:
        text = (
            f"{rejected} and does not say why, so what it has is not used; it need not be the password: client id and "
            f"client secret may have changed ({_ANEW}), or the account is locked; log in in the app to find out"
        )
    else:
        text = f"{rejected}; {AGAIN}"
    return text


def _is_from_a_firewall(response: Response) -> bool:
    return any(header(response.headers, name) for name in _FIREWALLS)


def _firewall(asked: Asked, status: int) -> str:
    return (
        f"the cloud's firewall refused {asked.value} ({status}), not your password; turn off a VPN or proxy, or use "
        "another network, and try again later"
    )


def _wait(response: Response) -> str:
    """How long to wait, if the answer says it."""
    after = header(response.headers, "retry-after").strip()
    if _SECONDS(after):
        return f"wait {int(after):,} s before you log in again"
    try:
        moment = parsedate_to_datetime(after).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return "wait some minutes before you log in again"
    return f"wait until {moment:%Y-%m-%d %H:%M} UTC before you log in again"


def _is_page(response: Response) -> bool:
    return "html" in header(response.headers, "content-type").lower() or (response.body or b"").lstrip()[:1] == b"<"


def _said(response: Response, asked: Asked) -> tuple[str | None, _Reason | None]:
    """The error's code, if it is one that is known, and the reason that the texts of the answer name."""
    texts = list(_texts(response, asked))
    codes = [text for text in texts if text in _ERRORS or text == "invalid_grant"]
    everything = "\n".join(texts)
    reason = next((reason for reason, words in _WORDS if words.search(everything)), None)
    if reason is None and _WRONG(everything) and _ABOUT_A_PASSWORD(everything):
        reason = _Reason.PASSWORD
    return (codes[0] if codes else None), reason


def _texts(response: Response, asked: Asked) -> Iterator[str]:
    """The texts of an answer that may say why: of a page none, for a firewall's page speaks of anything."""
    challenge = header(response.headers, "www-authenticate").lower()[:_LONGEST_TEXT]
    yield from re.findall(r'error="([a-z_]{3,40})"', challenge)
    if not response.body:
        return
    body, _ = inflated(response.body, response.headers, f"the answer to {asked.value}")
    if body.lstrip()[:1] == b"<":
        return
    try:
        value = json_value(body)
    except ValueError:
        value = dict(form(body[:_LONGEST_TEXT])) if body.lstrip().startswith(b"error") else None
    yield from islice(_strings(value), _MOST_TEXTS)


def _strings(value: object, depth: int = _DEEPEST) -> Iterator[str]:
    """The short texts in a value; what is nested deeper than errors are is left out."""
    if isinstance(value, str):
        yield value.lower()[:_LONGEST_TEXT]
    elif depth and isinstance(value, dict):
        for each in list(value.values())[:_MOST_TEXTS]:
            yield from _strings(each, depth - 1)
    elif depth and isinstance(value, list):
        for each in value[:_MOST_TEXTS]:
            yield from _strings(each, depth - 1)
