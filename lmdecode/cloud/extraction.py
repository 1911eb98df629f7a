"""Extracts credentials from one HTTP exchange with the maker's cloud. Pure; never raises, but returns a `Problem`.

What a request has is believed if the cloud accepted it. A rejected login may have a mistyped password, which must not
replace the right one.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import timedelta
from typing import Final
from urllib.parse import unquote_plus

from lmdecode.capture.http.bodies import fields, first_of_each, form, json_value
from lmdecode.capture.http.exchange import Exchange, Request, Response, header, plain_name, within
from lmdecode.cloud.findings import (
    AGAIN,
    Account,
    Client,
    Finding,
    FleetMachine,
    Installation,
    Problem,
    Secret,
    Tokens,
    Trouble,
)
from lmdecode.cloud.http import RENEWAL_PATH, THINGS_PATH, CloudEndpoint, endpoint, inflated, plain_path
from lmdecode.cloud.refusals import Asked, names_an_error, refusal
from lmdecode.codec.errors import KeyFormatError
from lmdecode.codec.v1.key import Key

MOST_MACHINES: Final = 1000
"""How many machines an account can have: each is compared with all others, here and in the file."""


def fleet(answer: object) -> list[FleetMachine | Problem]:
    """All machines that the answer to `GET /api/customer` has, each with what is wrong with it behind it."""
    machines = within(answer, "data", "fleet")
    if not isinstance(machines, list):
        text = f"the cloud's answer has no list of machines, data.fleet; {AGAIN}"
        return [Problem(Trouble.NO_FLEET, text)]
    if not machines:
        text = "this account has no machines: log in with the account that the machine is registered with"
        return [Problem(Trouble.EMPTY_FLEET, text)]
    found: list[FleetMachine | Problem] = []
    if len(machines) > MOST_MACHINES:
        text = f"the cloud's list has {len(machines):,} machines; the first {MOST_MACHINES:,} are used"
        found.append(Problem(Trouble.NO_FLEET, text))
    for number, entry in enumerate(machines[:MOST_MACHINES], 1):
        if isinstance(entry, dict):
            found += _machine(entry)
        else:
            text = f"machine {number} of the cloud's list is not an object; the others are used"
            found.append(Problem(Trouble.NO_FLEET, text))
    return found


def _machine(entry: dict[str, object]) -> list[FleetMachine | Problem]:
    key = entry.get("communicationKey")
    model = within(entry, "machine", "model")
    machine = FleetMachine(
        key=Secret(key) if isinstance(key, str) and key else None,
        serial_number=_text(within(entry, "machine", "serialNumber")).strip(),
        name=_text(entry.get("name")),
        model_name=_text(model if isinstance(model, str) else within(model, "name")).strip(),
    )
    wrong = _wrong_with(machine.key)
    if wrong is None:
        return [machine]
    keyless = FleetMachine(None, machine.serial_number, machine.name, machine.model_name)
    text = f"the cloud gives no usable key for {machine.title}: {wrong}"
    return [keyless, Problem(Trouble.BAD_KEY, text)]


def _wrong_with(key: Secret | None) -> str | None:
    if key is None:
        return "there is no communicationKey; machines with a v3 gateway have none"
    try:
        Key(key.reveal().encode("latin-1"))
    except UnicodeEncodeError:
        return "it has a character above U+00FF"
    except KeyFormatError as error:
        return str(error)
    return None


def _text(value: object) -> str:
    """A value as text, with every character that the cloud sent: whoever shows it makes it printable."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < _MOST_INTEGER else ""
    return value if isinstance(value, str) and not value.isspace() else ""


_MOST_INTEGER: Final = 10**18  # Python refuses to write numbers of more than 4,300 digits
EXPORT: Final = (
    "export it with the bodies of requests and answers; in Chrome and Edge turn on Settings → Preferences → Network → "
    "Allow to generate HAR with sensitive data, then choose Export HAR (with sensitive data)"
)
"""What to do about an archive without bodies; the browsers' usual export leaves out what is secret."""
_ESCAPED: Final = re.compile(r"(?:[\w.~*+-]|%[0-9A-Fa-f]{2})+", re.ASCII)


def extract(exchange: Exchange) -> list[Finding | Problem]:
    """What an exchange has, and what is wrong with it; nothing if it is not one with the maker's cloud."""
    request = exchange.request
    match endpoint(request.host, request.path):
        case None:
            return []
        case CloudEndpoint.TOKEN:
            return [*_login(exchange), *_installation(exchange)]
        case CloudEndpoint.THINGS:
            return [*_installation(exchange), *_things(exchange)]
        case CloudEndpoint.CUSTOMER:
            return [*_from_headers(exchange), *_machines(exchange)]
        case CloudEndpoint.OTHER:
            return [*_from_headers(exchange), *_installation(exchange)]


def _installation(exchange: Exchange) -> list[Installation]:
    """The installation that signed a request; only if the cloud took the signature."""
    given = header(exchange.request.headers, "x-app-installation-id").strip()
    answer = exchange.response
    if not given or len(given) > _LONGEST_ID or answer is None or not (answer.accepted or answer.status == 101):
        return []
    return [Installation(Secret(given))]


_LONGEST_ID: Final = 100  # characters; a UUID has 36
_DEEPEST: Final = 6  # {"coffeeStation": {"coffeeMachine": {"bleAuthToken": …}}} in a list has four


def _things(exchange: Exchange) -> list[FleetMachine | Problem]:
    """The machines with their Bluetooth tokens, which stand at the head of a machine, and again within it."""
    answer = exchange.response
    is_list = plain_path(exchange.request.path) == THINGS_PATH
    if exchange.request.method.upper() != "GET" or (not is_list and (answer is None or not answer.accepted)):
        return []
    what = Asked.MACHINES.value
    if answer is None:
        return [Problem(Trouble.NO_ANSWER, f"{what} was not answered; close the app and open it again")]
    if not answer.accepted:
        return [refusal(Asked.MACHINES, answer)]
    given, problem = _json_answer(what, answer)
    if is_list and given == []:
        text = "this account has no machines: log in with the account that the machine is registered with"
        return [Problem(Trouble.EMPTY_FLEET, text)]
    found: dict[tuple[str, str], FleetMachine | Problem] = {}
    waiting: list[tuple[object, int]] = [(given, 0)]
    while waiting and len(found) < MOST_MACHINES:
        value, depth = waiting.pop()
        if isinstance(value, dict):
            token = value.get("bleAuthToken")
            if isinstance(token, str) and token.strip():
                serial = _text(value.get("serialNumber")).strip()
                found.setdefault(
                    (serial, token), FleetMachine(None, serial, _text(value.get("name")), ble_token=Secret(token))
                )
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if depth < _DEEPEST:
            waiting += [(each, depth + 1) for each in inner if isinstance(each, dict | list)]
    return [*([problem] if problem and is_list else []), *found.values()]


def _login(exchange: Exchange) -> list[Finding | Problem]:
    if exchange.request.method.upper() not in {"POST", "GET", "PUT"}:  # a browser's OPTIONS, say
        return []
    sent, problem = _sent(exchange.request)
    found: list[Finding | Problem] = [problem] if problem else []
    refreshed = sent.get("granttype", "").lower() == "refresh_token"
    refreshed = refreshed or plain_path(exchange.request.path) == RENEWAL_PATH
    asked = Asked.RENEWAL if refreshed else Asked.LOGIN
    what, answer = asked.value, exchange.response
    if answer is None:
        return [*found, Problem(Trouble.NO_ANSWER, f"{what} was not answered, so it is not used; {AGAIN}")]
    given, problem = _json_answer(what, answer) if answer.accepted else (None, None)
    token = _tokens(given, exchange)
    if token is None and (not answer.accepted or names_an_error(answer)):  # some servers say 200 to everything
        return [*found, refusal(asked, answer)]
    found += [problem] if problem else []
    if problem and problem.trouble in {Trouble.WEB_PAGE, Trouble.NOT_JSON}:
        return found  # not the cloud, and not a word about whether the login is right
    if given is not None and token is None:
        text = f"the answer to {what} has no access token, so it is not used; {AGAIN}"
        return [*found, Problem(Trouble.REFUSED, text)]
    client, account = _client(sent), _account(sent)
    found += [each for each in (client, account, token) if each]
    if refreshed and account is None:
        text = f"{what} has no user name and password; to have them too, {AGAIN}"
        found.append(Problem(Trouble.REFRESH_ONLY, text))
    elif client is None and account is None:
        text = f"{what} has nothing that is known as client_id, client_secret, username or password"
        if not exchange.request.body:
            text = f"the body of {what} is not in what was recorded: {EXPORT}"
        found.append(Problem(Trouble.NO_CREDENTIALS, text))
    return found


def _from_headers(exchange: Exchange) -> list[Client]:
    if exchange.response is None or not exchange.response.accepted:
        return []
    client = _client(_in_headers(exchange.request))
    return [client] if client else []


def _machines(exchange: Exchange) -> list[Finding | Problem]:
    what = Asked.MACHINES.value
    if exchange.request.method.upper() != "GET":
        return []
    if exchange.response is None:
        return [Problem(Trouble.NO_ANSWER, f"{what} was not answered; close the app and open it again")]
    if exchange.response.status == 304:
        text = "the app has the list of machines already and was not sent it again (304)"
        return [Problem(Trouble.NO_FLEET, f"{text}; {AGAIN}")]
    if not exchange.response.accepted:
        return [refusal(Asked.MACHINES, exchange.response)]
    given, problem = _json_answer(what, exchange.response)
    return [*([problem] if problem else []), *(fleet(given) if given is not None else [])]


def _sent(request: Request) -> tuple[dict[str, str], Problem | None]:
    """All that a login may have its parts in; each is taken from the first place that has it."""
    body, problem = inflated(request.body, request.headers, "the login")
    places = [
        fields(body, request.headers),
        _in_headers(request),
        first_of_each(form(request.path.partition("?")[2])),
    ]
    return {name: text for place in reversed(places) for name, text in place.items()}, problem


def _in_headers(request: Request) -> dict[str, str]:
    found = first_of_each([(name, value.strip()) for name, value in request.headers])
    found = {name: found[name] for name in ("clientid", "clientsecret") if name in found}
    return _basic(header(request.headers, "authorization")) | found


def _basic(authorization: str) -> dict[str, str]:
    """Id and secret from HTTP Basic."""
    scheme, _, digits = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, colon, secret = base64.b64decode(digits.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return {}
    found = {"clientid": _unescaped(client_id), "clientsecret": _unescaped(secret)}
    return {name: text for name, text in found.items() if text} if colon else {}


def _unescaped(text: str) -> str:
    """OAuth has id and secret percent-encoded in HTTP Basic; most clients do not, so it depends on how they look."""
    return unquote_plus(text) if "%" in text and _ESCAPED.fullmatch(text) else text


def _client(sent: dict[str, str]) -> Client | None:
    client_id, client_secret = _secret(sent, "client_id"), _secret(sent, "client_secret")
    return Client(client_id, client_secret) if client_id or client_secret else None


def _account(sent: dict[str, str]) -> Account | None:
    username, password = _secret(sent, "username"), _secret(sent, "password")
    return Account(username, password) if username or password else None


def _secret(sent: dict[str, str], name: str) -> Secret | None:
    text = sent.get(plain_name(name))
    return Secret(text) if text else None


def _tokens(given: object, exchange: Exchange) -> Tokens | None:
    if not isinstance(given, dict):
        return None
    access, refresh = given.get("access_token"), given.get("refresh_token")
    if access is None:  # the cloud of today
        access, refresh = given.get("accessToken"), given.get("refreshToken")
    seconds = given.get("expires_in")
    if not isinstance(access, str) or not access:
        return None
    lasts = None
    if isinstance(seconds, int | float | str):
        try:
            lasts = float(seconds)
        except (ValueError, OverflowError):
            lasts = math.nan
    lasts = lasts if lasts is not None and 0 <= lasts < 1e10 else None
    try:
        until = exchange.time + timedelta(seconds=lasts) if exchange.time and lasts is not None else None
    except OverflowError:  # after the year 9999
        until = None
    return Tokens(Secret(access), Secret(refresh) if isinstance(refresh, str) and refresh else None, lasts, until)


def _json_answer(what: str, response: Response) -> tuple[object, Problem | None]:
    """The answer's value, None if it cannot be read, and what is wrong with it."""
    if response.body is None:
        text = f"the answer to {what} is not in what was recorded: {EXPORT}"
        return None, Problem(Trouble.NO_ANSWER, text)
    body, problem = inflated(response.body, response.headers, f"the answer to {what}")
    if problem and not body:
        return None, problem
    if body.lstrip()[:1] == b"<" or (not body and "html" in header(response.headers, "content-type")):
        text = f"the answer to {what} is a web page instead of JSON: is there a log-in page on this network?"
        return None, Problem(Trouble.WEB_PAGE, text)
    try:
        value = json_value(body)
    except ValueError:
        value = None
    if value is None:
        text = f"the answer to {what} is not JSON, or cut short" if body else f"the answer to {what} is empty"
        return None, Problem(Trouble.NOT_JSON, f"{text}; {AGAIN}")
    return value, problem
