"""A document of a message: its value and its text, with the secrets masked in both, also where it is damaged."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.json_message import document

TOKEN = "5ec2e7" * 10 + "abcd"


@pytest.mark.parametrize("end", [b"", b"\0", b"\0\0\0"])
def test_the_nul_that_ends_a_text_is_no_part_of_it(end):
    assert document(b'{"a":1}' + end) == ({"a": 1}, '{"a":1}', ())


def test_what_follows_the_nul_is_told_and_shown_to_its_owner():
    found = document(b'{"a":1}\0old rest\0')
    assert found == ({"a": 1}, '{"a":1}\0**', ("8 characters follow the NUL that ends the text",))
    assert document(b'{"a":1}\0old rest\0', show_secrets=True).text == '{"a":1}\0old rest'


def test_a_mark_of_the_byte_order_is_left_out():
    assert document(b'\xef\xbb\xbf{"a":1}').value == {"a": 1}
    assert document('\ufeff{"a":1}').text == '{"a":1}'


def test_bytes_that_are_no_text_are_replaced_and_told():
    found = document(b'{"a":1,"b":"\xff"}')
    assert found.value == {"a": 1, "b": "\ufffd"}
    assert found.problems == ("byte 13 of the message is not UTF-8",)
    assert not found.is_whole


def test_a_cut_document_has_what_stands_before_the_cut_and_one_problem():
    found = document(b'{"CoffeeBoiler1UpdateTemperature":93.5,"SteamBoilerUpdateTemp')
    assert found.value == {"CoffeeBoiler1UpdateTemperature": 93.5}
    assert found.problems == ("the JSON is cut off",)


@given(st.data())
def test_a_secret_is_nowhere_however_the_document_is_damaged(data):
    inner = json.dumps({"wifiSsid": TOKEN, "x": 1})
    whole = json.dumps({"name": "MR1", "list": [{"bleAuthToken": TOKEN}], "text": inner, "n": 1.5})
    cut = data.draw(st.integers(0, len(whole)))
    odd = data.draw(st.sampled_from(["", "?", ',"a":NaN', "\0rest", "\ufffd"]))
    found = document((whole[:cut] + odd).encode())
    shown = f"{found.text} {found.value} {found.problems}"
    assert TOKEN[:12] not in shown


def test_a_member_that_comes_twice_is_masked_both_times():
    found = document(f'{{"bleAuthToken":"{TOKEN}","bleAuthToken":null}}')
    assert TOKEN[:12] not in f"{found}"
    assert found.problems == ("the JSON has a member twice, and the last one is used",)


def test_secrets_are_shown_to_who_asks():
    text = f'{{"bleAuthToken": "{TOKEN}"}}'
    assert document(text, show_secrets=True) == ({"bleAuthToken": TOKEN}, text, ())
    assert document(text[:-3], show_secrets=True).text == text[:-3]


@given(st.binary(max_size=80))
def test_any_bytes_are_a_document(data):
    found = document(data)
    assert isinstance(found.text, str)
    json.dumps(found.value, allow_nan=False)


def test_a_text_with_half_a_character_can_be_written_down():
    found = document('{"a": "\ud800", "b": "é')
    assert (found.value, found.text) == ({"a": "?"}, '{"a": "?", "b": "é')
