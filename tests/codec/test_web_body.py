"""A body is read by what its header says that it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.web_body import document_of

FORM = "application/x-www-form-urlencoded"


def test_a_form_is_an_object_of_its_names():
    found = document_of(b"days=7&password=p%26w&name=a+b&empty=", f"{FORM}; charset=UTF-8")
    assert found.value == {"days": "7", "password": "**", "name": "a b", "empty": ""}
    assert (found.text, found.problems) == ("days=7&password=**&name=a+b&empty=", ())
    assert document_of(b"password=p%26w", FORM, show_secrets=True).value == {"password": "p&w"}


def test_a_page_is_shown_and_has_no_values():
    found = document_of(b"<html>Request blocked. token=abc</html>", "text/html")
    assert (found.value, found.text, found.problems) == ({}, "<html>Request blocked. token=**</html>", ())


@pytest.mark.parametrize("body", [b'{"a":1}', b" [1]", b"\xef\xbb\xbf{}", b"true", b"-1.5", b'"text"'])
def test_json_needs_no_header(body):
    assert document_of(body).problems == ()
    assert document_of(body, "text/plain").value == document_of(body, "application/json").value


def test_what_says_that_it_is_json_and_is_none_is_damaged():
    assert document_of(b"oops", "application/json").problems


def test_too_many_names_are_no_form():
    found = document_of(b"a=1&" * 2000 + b"token=abc", FORM)
    assert found.problems == ("the form has too many names",)
    assert "abc" not in found.text


def test_bytes_that_are_no_text_are_said():
    for kind in (FORM, "text/html"):
        assert document_of(b"a=\xff", kind).problems == ("byte 3 of the message is not UTF-8",)


@given(st.binary(max_size=80) | st.text(max_size=40), st.sampled_from(["", FORM, "text/html", "application/json"]))
def test_no_body_is_too_odd(body, kind):
    assert isinstance(document_of(body, kind).text, str)
