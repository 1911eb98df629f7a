"""The first cloud's requests and answers as Records."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.dialect import OwnerAccess, Place, Tallies
from lmdecode.codec.record import Kind
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.web import HttpRequest, HttpResponse

HOME = "/v1/home/machines/MR012345"
JSON = [("Content-Type", "application/json")]
SECOND = 1_000_000_000
COMMAND = "901b2c3d-0001"


def connection(host="gw-lmz.lamarzocco.io"):
    return Speakers.open(OwnerAccess(), None, ()).web(host, 443, "/", Place(), Tallies())


def exchange(web, method, path, body, *, seconds=1, asked=b"", status=200, headers=JSON):
    (request,) = web.request(seconds * SECOND, HttpRequest(method, "", path, headers, asked))
    (answer,) = web.response(seconds * SECOND + SECOND, HttpResponse(status, JSON, json.dumps(body).encode()))
    return request, answer


@pytest.mark.parametrize("host", ["gw.lamarzocco.io", "gw-lmz.lamarzocco.io", "cms.lamarzocco.io"])
def test_an_answer_is_taken_out_of_its_wrapping(host):
    body = {"data": {"xNew": [1]}, "status": True, "xMore": 2}
    request, answer = exchange(connection(host), "GET", f"{HOME}/status", body)
    assert (request.kind, answer.kind, answer.machine) == (Kind.READ, Kind.READ, "MR012345")
    assert (answer.extra, answer.problems) == ({"xNew": [1], "xMore": 2}, ())
    assert answer.subject == f"200 GET {HOME}/status"


def test_an_answer_that_says_no_has_a_problem():
    _, answer = exchange(connection(), "GET", f"{HOME}/status", {"data": {}, "status": False})
    assert answer.problems == ('the cloud says that it did not do it, by "status": false',)
    _, answer = exchange(connection(), "POST", f"{HOME}/status", {"data": {}, "status": False}, asked=b"{}")
    assert answer.ok is False


def test_a_command_is_a_write_and_its_body_is_what_was_asked_for():
    request, answer = exchange(
        connection(), "POST", f"{HOME}/xcommand", {"data": {}, "status": True}, asked=b'{"xValue":7}'
    )
    assert (request.kind, request.extra, answer.ok) == (Kind.WRITE, {"xValue": 7}, True)


@pytest.mark.parametrize(("word", "ok"), [("success", True), ("failed", False)])
def test_a_later_answer_says_how_a_command_ended(word, ok):
    web = connection()
    asked, queued = exchange(
        web, "POST", f"{HOME}/status", {"data": {"commandId": COMMAND}, "status": True}, asked=b'{"status":"StandBy"}'
    )
    assert queued.ok is None
    path = f"/v1/home/aws-proxy/MR012345/commands/{COMMAND}"
    poll, waiting = exchange(web, "GET", path, {"data": {"status": "PENDING"}, "status": True}, seconds=3)
    assert (waiting.ok, waiting.request, waiting.machine) == (None, poll, "MR012345")
    body = {"data": {"status": "COMPLETED", "responsePayload": {"status": word}}, "status": True}
    _, ended = exchange(web, "GET", path, body, seconds=5)
    assert (ended.ok, ended.request, ended.elapsed) == (ok, asked, 5)
    _, again = exchange(web, "GET", path, body, seconds=7)
    assert again.ok is ok
    assert again.request is not asked


def test_a_login_shows_no_secret():
    form = [("Content-Type", "application/x-www-form-urlencoded")]
    text = b"username=me%40home.example&password=p%20w&grant_type=password&client_id=7_1xwei9&client_secret=2h1"
    web = connection("cms.lamarzocco.io")
    body = {"access_token": "AT1", "refresh_token": "RT1", "expires_in": 3600}
    request, answer = exchange(web, "POST", "/oauth/v2/token", body, asked=text, headers=form)
    assert request.plaintext == "username=**&password=**&grant_type=password&client_id=**&client_secret=**"
    assert (request.kind, request.problems) == (Kind.READ, ())
    assert answer.extra == {"access_token": "**", "refresh_token": "**", "expires_in": 3600}


def test_a_list_of_machines_shows_no_key():
    fleet = [{"communicationKey": "abc1", "name": "kitchen", "machine": {"serialNumber": "MR012345"}}]
    _, answer = exchange(
        connection("cms.lamarzocco.io"), "GET", "/api/customer", {"data": {"fleet": fleet}, "status": True}
    )
    assert "abc1" not in str(answer.as_dict())
    assert "MR012345" in answer.plaintext


NAMES = st.sampled_from(["data", "status", "commandId", "responsePayload", "boilers", "x"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["COMPLETED", "success", "é"])
SHAPES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner))


@given(st.lists(SHAPES, max_size=3), st.sampled_from(["status", "configuration", "statistics/daily", "firmware/", "x"]))
def test_no_shape_of_a_document_is_too_odd(bodies, what):
    web = connection()
    for body in bodies:
        _, answer = exchange(web, "GET", f"{HOME}/{what}", body)
        exchange(web, "POST", f"{HOME}/{what}", body, asked=json.dumps(body).encode())
        exchange(web, "GET", f"/v1/home/aws-proxy/MR012345/commands/{COMMAND}", body)
        assert json.dumps(answer.as_dict())
