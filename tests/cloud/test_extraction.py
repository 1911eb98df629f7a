"""Credentials out of HTTP exchanges: every way to send them, and everything that can be wrong."""

from __future__ import annotations

import base64
import gzip
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.capture.http.exchange import Exchange, Request, Response
from lmdecode.cloud.collection import Collection
from lmdecode.cloud.extraction import extract
from lmdecode.cloud.findings import Account, Client, FleetMachine, Problem, Secret, Tokens, Trouble
from lmdecode.cloud.http import CLOUD_HOST, CUSTOMER_PATH, TOKEN_PATH

KEY = "k" * 32
LOGIN = {"client_id": "hush-id", "client_secret": "hush-secret", "username": "me@x", "password": "hush pw"}
ANSWER = json.dumps({"access_token": "hush-at", "refresh_token": "hush-rt", "expires_in": 3600}).encode()
FORM = ("Content-Type", "application/x-www-form-urlencoded")


def login(body=b"", headers=(FORM,), *, status=200, answer=ANSWER, answer_headers=(), path=TOKEN_PATH, host=CLOUD_HOST):
    return Exchange(Request("POST", host, path, headers, body), Response(status, answer_headers, answer))


def customer(answer, status=200, headers=()):
    body = answer if isinstance(answer, bytes | None) else json.dumps(answer).encode()
    return Exchange(Request("GET", CLOUD_HOST, CUSTOMER_PATH), Response(status, headers, body))


def kinds(found):
    return [type(each).__name__ if not isinstance(each, Problem) else each.trouble for each in found]


def revealed(collection):
    parts = [collection.client, collection.account]
    return {name: secret.reveal() for part in parts if part for name, secret in part.secrets().items() if secret}


WHOLE = {"client id": "hush-id", "client secret": "hush-secret", "user name": "me@x", "password": "hush pw"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (urlencode(LOGIN).encode(), [FORM]),
        (json.dumps(LOGIN).encode(), [("content-type", "application/json; charset=utf-8")]),
        (gzip.compress(urlencode(LOGIN).encode(), mtime=0), [FORM, ("Content-Encoding", "gzip")]),
        (
            urlencode({"username": "me@x", "password": "hush pw"}).encode(),
            [FORM, ("Authorization", "Basic " + base64.b64encode(b"hush-id:hush-secret").decode())],
        ),
        (
            urlencode({"username": "me@x", "password": "hush pw"}).encode(),
            [FORM, ("client_id", "hush-id"), ("CLIENT_SECRET", "hush-secret")],
        ),
    ],
    ids=["form", "json", "gzip", "basic", "headers"],
)
def test_ways_to_send_them(body, headers):
    collection = Collection()
    news = collection.add(login(body, headers))
    assert kinds(news) == ["Client", "Account", "Tokens"]
    assert revealed(collection) == WHOLE
    assert collection.tokens.expires_in == 3600
    assert "hush" not in repr(news) + str(news) + repr(collection)
    assert [each.what for each in collection.missing()] == ["key of the machine"]


@pytest.mark.parametrize(
    ("exchange", "trouble"),
    [
        (login(urlencode(LOGIN).encode(), status=401, answer=b"{}"), Trouble.REFUSED),
        (login(urlencode(LOGIN).encode(), status=503, answer=b"{}"), Trouble.REFUSED),
        (login(urlencode(LOGIN).encode(), answer=b"<html>"), Trouble.WEB_PAGE),
        (login(urlencode(LOGIN).encode(), answer=b'{"access'), Trouble.NOT_JSON),
        (login(urlencode(LOGIN).encode(), answer=b"{}"), Trouble.REFUSED),
        (Exchange(Request("POST", CLOUD_HOST, TOKEN_PATH, [FORM], urlencode(LOGIN).encode()), None), Trouble.NO_ANSWER),
    ],
)
def test_a_login_that_the_cloud_did_not_take_is_not_believed(exchange, trouble):
    assert kinds(extract(exchange)) == [trouble]


def test_an_answer_that_says_gzip_and_is_not_is_read_all_the_same():
    found = extract(login(urlencode(LOGIN).encode(), answer_headers=[("content-encoding", "gzip")]))
    assert Trouble.BAD_ENCODING in kinds(found) or Tokens in map(type, found)
    assert Client in map(type, found)


def test_a_renewed_login_has_no_password():
    sent = {"grant_type": "refresh_token", "refresh_token": "hush-rt", "client_id": "hush-id"}
    assert kinds(extract(login(urlencode(sent).encode()))) == ["Client", "Tokens", Trouble.REFRESH_ONLY]


def test_a_new_secret_is_told_and_counts():
    collection = Collection()
    collection.add(login(urlencode(LOGIN).encode()))
    news = collection.add(login(urlencode(LOGIN | {"client_secret": "hush-new"}).encode()))
    assert Trouble.CHANGED in kinds(news)
    assert revealed(collection)["client secret"] == "hush-new"


def test_another_users_password_is_not_mixed_in():
    collection = Collection()
    collection.add(login(urlencode(LOGIN).encode()))
    collection.add(login(urlencode(LOGIN | {"username": "you@x", "password": ""}).encode()))
    assert "password" not in revealed(collection)


MACHINE = {"communicationKey": KEY, "name": "kitchen", "machine": {"serialNumber": "SN1", "model": {"name": "GS3 AV"}}}


def test_the_fleet():
    found = extract(customer({"data": {"fleet": [MACHINE, MACHINE | {"communicationKey": "short"}]}}))
    assert found[0] == FleetMachine(Secret(KEY), "SN1", "kitchen", "GS3 AV")
    assert found[1].key is None
    assert "the key has 5 bytes" in str(found[2])
    assert "short" not in str(found[2])


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        ({"data": {"fleet": []}}, Trouble.EMPTY_FLEET),
        ({"data": {}}, Trouble.NO_FLEET),
        ([], Trouble.NO_FLEET),
        ({"data": {"fleet": ["x"]}}, Trouble.NO_FLEET),
        (b"", Trouble.NOT_JSON),
        (b"<html>", Trouble.WEB_PAGE),
        (None, Trouble.NO_ANSWER),
        (b"[" * 100_000, Trouble.NOT_JSON),
    ],
)
def test_a_fleet_without_machines(answer, trouble):
    assert kinds(extract(customer(answer))) == [trouble]


@pytest.mark.parametrize("host", ["example.com", f"{CLOUD_HOST}.example.com", f"x{CLOUD_HOST}", "lamarzocco.io", ""])
def test_other_hosts_are_not_read(host):
    assert extract(login(urlencode(LOGIN).encode(), host=host)) == []


TEXT = st.text(max_size=20)
HEADERS = st.lists(st.tuples(st.sampled_from(["content-type", "content-encoding", "authorization", "client_id"]), TEXT))


REQUESTS = st.builds(
    Request,
    st.sampled_from(["POST", "GET", "OPTIONS"]),
    st.just(CLOUD_HOST),
    st.sampled_from([TOKEN_PATH, CUSTOMER_PATH, "/", "//oauth//v2/token?a=%zz"]),
    HEADERS,
    st.binary(max_size=60) | st.sampled_from([ANSWER, urlencode(LOGIN).encode()]),
)
RESPONSES = st.builds(Response, st.integers(100, 599), HEADERS, st.none() | st.binary(max_size=60) | st.just(ANSWER))


@given(st.builds(Exchange, REQUESTS, st.none() | RESPONSES))
def test_whatever_is_sent_and_answered(exchange):
    for each in extract(exchange):
        assert isinstance(each, Client | Account | Tokens | FleetMachine | Problem)
        assert "hush" not in repr(each)


def test_machines_without_end():
    collection = Collection()
    machines = [MACHINE | {"communicationKey": f"{number:032}", "machine": {}} for number in range(3000)]
    news = collection.add(customer({"data": {"fleet": machines}}))
    assert str(news[0]) == "the cloud's list has 3,000 machines; the first 1,000 are used"
    news = collection.add(customer({"data": {"fleet": machines[1500:1600]}}))
    assert {str(each) for each in news} == {"more than 1,000 machines were found; the first 1,000 are used"}
    assert len(collection.machines) == 1000
    assert collection.add(customer({"data": {"fleet": [machines[7]]}})) == []


def test_a_name_without_end_is_kept_and_shown_short():
    long = MACHINE | {"name": "n" * 100_000}
    (found,) = extract(customer({"data": {"fleet": [long]}}))
    assert found.name == long["name"]
    assert len(found.title) < 150
