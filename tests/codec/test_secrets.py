"""A secret never shows, whatever it is wrapped in, however its name is spelled, and wherever the text is cut."""

from __future__ import annotations

import base64
import html
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmdecode.codec.dialect import OwnerAccess, Place, Tallies
from lmdecode.codec.json_message import document
from lmdecode.codec.secrets import (
    is_secret,
    masked,
    masked_beginning,
    masked_form,
    masked_headers,
    masked_target,
    masked_text,
)
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.web import HttpRequest, HttpResponse

NAMES = st.sampled_from(
    [
        "accessToken",
        "refreshToken",
        "access_token",
        "refresh_token",
        "password",
        "username",
        "client_id",
        "client_secret",
        "Authorization",
        "communicationKey",
        "bleAuthToken",
        "X-App-Installation-Id",
        "X-Request-Signature",
        "X-Request-Proof",
        "pk",
        "wifiSsid",
        "ssid",
        "mac",
        "secret",
        "private_key",
        "installation_id",
        "Cookie",
        "email",
        "apiKey",
        "newPassword",
        "WIFI_PASSWORD",
        "BLEAUTHTOKEN",
        "address",
    ]
)
# The first characters are those that no wrapping writes in another way, so that a piece of it can be found.
LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
CORE = st.text(LETTERS, min_size=8, max_size=24).map("Qz".__add__)
ANY = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=6)
SECRETS = st.tuples(CORE, ANY, CORE)
MANY = 100
SPELLINGS = {
    "plain": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "percent": quote,
    "escaped": lambda text: "".join(f"\\u{ord(char):04x}" if ord(char) < 65536 else char for char in text),
    "upper": str.upper,
    "lower": str.lower,
}


def json_text(name, secret):
    return json.dumps({"a": 1, name: secret, "b": [2]})


def json_unicode(name, secret):
    return json.dumps([{"a": {name: secret, "é": "ö"}}], ensure_ascii=False, indent=1)


def nested(wrap, times):
    def wrapped(name, secret):
        text = json_text(name, secret)
        for _ in range(times):
            text = wrap(text)
        return text

    return wrapped


def in_json(text):
    return json.dumps({"text": text, "n": 1})


WRAPPINGS = {
    "json": json_text,
    "json, indented": json_unicode,
    "json in json": nested(in_json, 1),
    "json in json, twice": nested(in_json, 2),
    "json in json, four times": nested(in_json, 4),
    "pair": lambda name, secret: json.dumps([{"name": name, "value": secret}, {"name": "a", "value": "b"}]),
    "python": lambda name, secret: repr({"a": None, name: secret, "c": True}),
    "python bytes": lambda name, secret: repr({name: secret.encode("unicode_escape")}),
    "python tuples": lambda name, secret: repr([("a", "b"), (name, secret)]),
    "python in json": lambda name, secret: json.dumps({"text": repr({name: secret}), "a": 1}),
    "json in python": lambda name, secret: repr({"text": json_text(name, secret)}),
    "log": lambda name, secret: f"2026-11-21 DEBUG sent {json_text(name, secret)} to /things",
    "html": lambda name, secret: html.escape(json_text(name, secret)),
    "html twice": lambda name, secret: html.escape(html.escape(json_text(name, secret))),
    "percent": lambda name, secret: quote(json_text(name, secret)),
    "percent twice": lambda name, secret: quote_plus(quote(json_text(name, secret))),
    "html of percent": lambda name, secret: html.escape(quote(json_text(name, secret))),
    "entities of json": lambda name, secret: json.dumps({"page": html.escape(repr({name: secret}))}),
    "escaped quotes": lambda name, secret: json_text(name, secret).replace('"', "\\u0022"),
    "header": lambda name, secret: f"Host: a\r\n{name}: {secret}\r\nAccept: */*\r\n",
    "assignment": lambda name, secret: f"{name}={quote(secret)}&days=7",
    "url": lambda name, secret: f"GET https://a.example/b?days=7&{name}={quote(secret)} HTTP/1.1",
}


def shown(secret, text):
    """Whether a piece of a secret can be read in a text, in any spelling."""
    head, _, tail = secret
    whole = text.lower()
    for part in (head, tail):
        for spell in SPELLINGS.values():
            found = spell(part).lower().rstrip("=")
            if found in whole or found[:8] in whole or found.replace("\\", "\\\\") in whole:
                return True
    return False


@settings(max_examples=MANY, deadline=None)
@given(NAMES, SECRETS, st.sampled_from(sorted(WRAPPINGS)), st.sampled_from(sorted(SPELLINGS)), st.integers(0, 400))
@example("password", ("Qz12345678", '"', "Qzabcdefgh"), "json", "plain", 0)
@example("password", ("Qz12345678", '"', "Qzabcdefgh"), "html of percent", "percent", 0)
@example("password", ("Qz12345678", "'", "Qzabcdefgh"), "python", "plain", 0)
@example("password", ("Qz12345678", "\\", "Qzabcdefgh"), "json in json, four times", "plain", 0)
@example("password", ("Qz12345678", "%22", "Qzabcdefgh"), "json", "plain", 0)
@example("password", ("Qz12345678", "&quot;", "Qzabcdefgh"), "json", "plain", 0)
def test_a_secret_is_masked_in_every_wrapping_and_spelling_and_cut(name, secret, wrapping, spelling, cut):
    text = WRAPPINGS[wrapping](name, SPELLINGS[spelling]("".join(secret)))
    assert not shown(secret, masked_text(text)), masked_text(text)
    assert not shown(secret, masked_text(text[: len(text) - cut % len(text)]))
    assert not shown(secret, json.dumps(masked({"text": [text]}), ensure_ascii=False))
    assert not shown(secret, json.dumps(masked({"text": text[: len(text) - cut % len(text)]})))


def web():
    return Speakers.open(OwnerAccess(), None, ()).web("lion.lamarzocco.io", 443, "/", Place(), Tallies())


@settings(max_examples=MANY, deadline=None)
@given(NAMES, SECRETS, st.sampled_from(sorted(WRAPPINGS)), st.sampled_from(sorted(SPELLINGS)), st.integers(0, 400))
def test_a_secret_shows_in_no_record(name, secret, wrapping, spelling, cut):
    value = SPELLINGS[spelling]("".join(secret))
    text = WRAPPINGS[wrapping](name, value).encode()
    text = text[: len(text) - cut % len(text)]
    one = web()
    target = f"/api/customer-app/things/MR012345/dashboard?{quote(name)}={quote(value)}"
    header = [(name, value), ("Content-Type", "application/json")]
    records = [*one.request(1, HttpRequest("POST", "lion.lamarzocco.io", target, header, text))]
    records += one.response(2, HttpResponse(200, header, text))
    frame = b"MESSAGE\n" + name.encode() + b":" + value.encode() + b"\ndestination:/ws/sn/MR012345/dashboard\n\n" + text
    records += one.message(3, "machine", frame + b"\0")
    records += one.message(4, "machine", b"\nCONNECT\n" + name.encode() + b":" + value.encode() + b"\n\n\0")
    records += one.message(4, "machine", text)
    records += one.note(5, "machine", "no message", text)
    records += one.close(6)
    assert len(records) >= 6
    for record in records:
        assert not shown(secret, json.dumps(record.as_dict(), ensure_ascii=False))
        assert not shown(secret, (record.raw or b"").decode("latin-1"))


@pytest.mark.parametrize(
    "name", ["X-Nonce", "name", "target", "tokenType", "serialNumber", "days", "statusCode", "macro", "zipper", "id"]
)
def test_other_names_are_no_secrets(name):
    assert not is_secret(name)
    assert masked({name: "abc"}) == {name: "abc"}
    assert masked_text(f"{name}: abc") == f"{name}: abc"


def test_an_address_is_secret_if_it_is_one_of_a_network():
    interfaces = {"network_interfaces": [{"name": "sta", "address": "10.0.0.7", "mac": "00:11:22:33:44:55"}]}
    hidden = {"network_interfaces": [{"name": "sta", "address": "**", "mac": "**"}]}
    assert masked(interfaces) == hidden
    assert json.loads(masked_text(json.dumps(interfaces))) == hidden
    for text in ('{"address": 16412, "a": 1}', '{"address": "0x401C", "a": 1}', "address: 16412"):
        assert masked_text(text) == text
    assert masked({"address": 16412}) == {"address": 16412}


def test_what_looks_like_a_secret_needs_no_name():
    for text in ("me@home.example", "00:11:22:33:44:55", "eyJhbGciOiJ.eyJzdWIi.c2ln", "Bearer abcd1234"):
        assert masked_text(f"for {text} now") == "for ** now"
        assert masked({text: 1}) == {"**": 1}
    firmware = "http://firmware.lamarzocco.io/gateway_v2.2-rc0.bin 7928e9d27f612dd3136e6ebd3a45eb944b263bf053f6ea6d"
    assert masked_text(firmware) == firmware


def test_names_that_are_nearly_secret_ones_are_secret_too():
    for name in ("tokenList", "password2", "newPasswordConfirm", "token_1", "secretKey", "passcode", "tokens"):
        assert masked({name: "c0ffee"}) == {name: "**"}
        assert masked_text(f'{{"{name}": "c0ffee", "a": 1') == f'{{"{name}": "**", "a": 1'
    for name in ("tokenType", "token_expires", "keyboard", "secretary"):
        assert masked({name: "c0ffee"}) == {name: "c0ffee"}


def test_what_is_said_of_a_secret_in_words_is_masked():
    for text in ("Basic cXh6Om1pbmU5", "bad token 5f1d7a0c93b2e844", "200Bearer c0ffee01"):
        assert masked_text(text).endswith(" **") or masked_text(text) == "**" or masked_text(text) == "200**"
    for text in ("Basic functionality", "the token of the machine", "a password that nobody knows"):
        assert masked_text(text) == text
    assert masked_text("Cookie: 123; b=c0ffee") == "Cookie: **"
    assert masked_text("a&password=12;34&b=1") == "a&password=**&b=1"


def test_what_is_not_there_is_not_masked():
    assert masked({"bleAuthToken": None}) == {"bleAuthToken": None}
    assert masked_text('{"bleAuthToken": null, "a": 1}') == '{"bleAuthToken": null, "a": 1}'


def test_the_rest_of_a_text_stays():
    assert masked_text('{"a": 1, "token": "x\\"y", "b": "c"}x') == '{"a": 1, "token": "**", "b": "c"}x'
    assert masked_text("a=1&token=x&b=2") == "a=1&token=**&b=2"
    assert masked_text("token: ['a', 'b]'], c") == "token: **, c"
    assert masked_text("Cookie: a=b; c=d\r\nAccept: x") == "Cookie: **\r\nAccept: x"
    assert masked_form("a=1&b=%7B%22ssid%22%3A%22x%22%7D&c") == 'a=1&b={"ssid":"**"}&c'
    assert masked_target("/a/b?days=7") == "/a/b?days=7"
    assert masked_headers([("X-A", "1"), ("x-request-proof", "2")]) == [("X-A", "1"), ("x-request-proof", "**")]
    assert masked_beginning(b"\xff\x00 no text") == b"**"


@given(st.text())
def test_a_text_without_a_name_stays_as_it_is(text):
    text = text.replace("@", "").replace("p", "")
    if ":" not in text and "=" not in text and "-" not in text:
        assert masked_text(text) == text


@pytest.mark.parametrize("inner", ['{"token":"c0ffee","token":null}', '[{"pwd":"c0ffee","pwd":null}]'])
def test_of_a_member_that_is_twice_in_an_inner_text_both_are_masked(inner):
    value = {"text": inner}
    assert "c0ffee" not in str(masked(value))
    assert "c0ffee" not in document(json.dumps(value)).text


def test_what_is_nested_without_end_is_masked_whole():
    value = "bottom"
    for _ in range(500):
        value = [value]
    assert "bottom" not in str(masked(value))
    assert masked_text("[" * 50_000) == "[" * 50_000
    assert masked("[" * 50_000) == "[" * 50_000


@pytest.mark.parametrize(
    "text",
    ['token":"' * 20_000, "%25" * 60_000, "&amp;" * 30_000 + "token", "\\" * 100_000 + "token:", "token[" * 20_000,
     'token":[' + '"\\' * 60_000, "address:" * 20_000, "a@" * 60_000, "token:" + '"' * 100_000, "eyJ" * 60_000,
     "password:" + '" ' * 60_000, "\\u0022token" * 10_000, 'token\\"' * 20_000],
    ids=range(13),
)  # fmt: skip
def test_long_texts_take_time_in_proportion(text):
    def seconds(text):
        begin = time.thread_time()
        masked_text(text)
        return time.thread_time() - begin

    assert seconds(text) < 1 or seconds(text) < 3 * seconds(text[: len(text) // 2])


def test_a_bearer_token_is_masked_also_where_the_word_before_it_is_damaged():
    assert masked_text("GET / HBearer c0ffeec0ffee\r\n") == "GET / H**\r\n"
