"""What is said of a login that the cloud refuses: only a wrong password is called one, and nothing is quoted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.capture.http.exchange import Exchange, Request, Response
from lmdecode.cloud.extraction import extract
from lmdecode.cloud.findings import Problem
from lmdecode.cloud.http import CLOUD_HOST, CUSTOMER_PATH, TOKEN_PATH
from lmdecode.cloud.refusals import Asked, names_an_error, refusal

HTML = [("Content-Type", "text/html; charset=UTF-8")]
BLAMES = "log in again with the right password"


def answer(status, body=None, headers=()):
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Response(status, headers, raw)


def said(status, body=None, headers=(), asked=Asked.LOGIN):
    return str(refusal(asked, answer(status, body, headers)))


def oauth(code, text=""):
    return {"error": code, "error_description": text}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, oauth("invalid_grant", "Invalid username and password combination")),
        (400, oauth("invalid_grant")),
        (401, oauth("invalid_grant", "Bad credentials")),
        (400, oauth("invalid_grant", "The provided authorization grant or refresh token is invalid, expired, revoked")),
        (401, {"code": 401, "message": "Invalid credentials."}),
        (401, {"errors": [{"message": "The password is wrong"}]}),
        (403, {"message": "Incorrect user name or password"}),
        (400, b"error=invalid_grant&error_description=x"),
    ],
)
def test_a_wrong_password_is_called_one(status, body):
    assert said(status, body).startswith(f"the cloud rejected the login ({status}): user name or password is wrong")
    assert BLAMES in said(status, body)


OTHERS = {
    "client id or client secret are refused (invalid_client), not your password; lmdecode harvest": [
        (400, oauth("invalid_client", "The client credentials are invalid"), ()),
        (401, oauth("invalid_client"), ()),
        (401, None, [("WWW-Authenticate", 'Basic realm="x", error="invalid_client"')]),
        (400, {"error": {"code": "invalid_client", "message": "no such client"}}, ()),
        (400, {"status": False, "errors": [{"error": {"code": "invalid_client"}}]}, ()),
    ],
    "client id or client secret are refused, not your password": [
        (401, {"message": "Bad client credentials"}, ()),
        (400, {"message": "The client_id is wrong; check the password"}, ()),
    ],
    "this client id may not log in with a password": [(400, oauth("unauthorized_client"), ())],
    "takes the request for malformed": [
        (400, oauth("invalid_request", 'Missing parameters. "username" and "password" required'), ()),
    ],
    "takes no logins with a password any more": [(400, oauth("unsupported_grant_type"), ())],
    "does not give what was asked for": [(400, oauth("invalid_scope", "wrong password scope"), ())],
    "denies access (access_denied)": [(403, oauth("access_denied"), ())],
    "cannot log anybody in at the moment": [(503, oauth("temporarily_unavailable"), ())],
    "has a problem of its own (server_error)": [(500, oauth("server_error"), ()), (400, oauth("server_error"), ())],
    "the account is locked": [
        (400, oauth("invalid_grant", "Account locked after too many wrong passwords"), ()),
        (403, oauth("access_denied", "The user is temporarily blocked"), ()),
        (401, {"error": "account_locked"}, ()),
    ],
    "the cloud wants fewer requests (429 to the login); wait 120 s": [(429, None, [("Retry-After", "120")])],
    "wait until 2026-11-21 03:00 UTC": [(429, None, [("Retry-After", "Sat, 21 Nov 2026 03:00:00 GMT")])],
    "wait some minutes": [
        (429, b"<html>", HTML),
        (429, None, [("Retry-After", "9" * 5000)]),
        (400, oauth("invalid_grant", "Too many failed login attempts"), ()),
    ],
    "the account is not active": [
        (400, oauth("invalid_grant", "User account is disabled."), ()),
        (400, oauth("invalid_grant", "e-mail not yet verified"), ()),
    ],
    "wants a second step": [(403, {"error": "mfa_required"}, ())],
    "the cloud's firewall refused the login (403), not your password": [
        (403, b"<!DOCTYPE html><title>Attention Required! | Cloudflare</title> wrong password", HTML),
        (403, b"<html>Request blocked by CloudFront, your account is locked", HTML),
        (403, None, ()),
        (403, {"message": "Forbidden"}, ()),
    ],
    "the cloud's firewall refused the login (4": [(406, None, ()), (400, b"<html>bad password", HTML)],
    "the cloud's firewall refused the login (202)": [(202, None, [("x-amzn-waf-action", "challenge")])],
    "is gone (4": [(404, None, ()), (410, b"<html>", HTML), (405, None, ())],
    "the cloud has a problem of its own (5": [
        (500, {"message": "Invalid password hash; please try again later"}, ()),
        (502, b"<html>Bad gateway: wrong password", HTML),
        (503, oauth("invalid_grant"), ()),
    ],
    "was redirected (3": [(302, None, [("Location", "https://portal.example/")]), (307, None, ())],
    "was redirected (511)": [(511, b"<html>", HTML)],
    "wants a user name and password of its own (407": [(407, None, ())],
    "does not say why": [
        (401, None, ()),
        (401, b"<html>wrong password", HTML),
        (400, {"error": "something new"}, ()),
        (400, {}, ()),
        (400, b"wrong password", ()),
    ],
}


@pytest.mark.parametrize(
    ("line", "status", "body", "headers"), [(line, *each) for line, several in OTHERS.items() for each in several]
)
def test_nothing_else_is_called_a_wrong_password(line, status, body, headers):
    assert line in said(status, body, headers)
    assert BLAMES not in said(status, body, headers)


def test_a_renewal_and_the_machines_have_no_password():
    for asked in (Asked.RENEWAL, Asked.MACHINES):
        text = said(400, oauth("invalid_grant", "Invalid password"), asked=asked)
        assert "the token has expired" in text
        assert BLAMES not in text
    assert "log out and in again" in said(401, None, asked=Asked.MACHINES)


def test_an_error_that_comes_with_success():
    body = b"client_id=a&client_secret=b&username=c&password=hush"
    request = Request("POST", CLOUD_HOST, TOKEN_PATH, [], body)
    found = extract(Exchange(request, answer(200, oauth("invalid_client"))))
    assert [str(each) for each in found] == [said(200, oauth("invalid_client"))]
    assert not names_an_error(answer(200, {"access_token": "x"}))


TEXTS = st.text(max_size=60) | st.sampled_from(["hush", "invalid_grant", "invalid_client", "account locked", "hush pw"])
BODIES = (
    st.none()
    | st.binary(max_size=80)
    | st.recursive(TEXTS | st.integers() | st.none(), lambda each: st.lists(each) | st.dictionaries(TEXTS, each))
    | st.dictionaries(st.sampled_from(["error", "error_description", "message"]), TEXTS)
)
HEADERS = st.lists(st.tuples(st.sampled_from(["retry-after", "www-authenticate", "content-type", "location"]), TEXTS))


@given(st.integers(100, 999), BODIES, HEADERS, st.sampled_from([TOKEN_PATH, CUSTOMER_PATH]))
def test_one_line_whatever_is_answered_and_nothing_of_it(status, body, headers, path):
    request = Request("POST" if path == TOKEN_PATH else "GET", CLOUD_HOST, path, [], b"username=a&password=hush")
    for each in extract(Exchange(request, answer(status, body, headers))):
        assert isinstance(each, Problem)
        assert str(each).isprintable()
        assert "hush" not in str(each)
