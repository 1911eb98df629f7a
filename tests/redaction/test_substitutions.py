"""What stands for what: never made of the value, the same for the same, and the same again in a copy of a copy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.redaction.substitutions import Kind, Substitutions, is_serial

KINDS = st.sampled_from(list(Kind))
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        (Kind.SERIAL, "MR654321", "MR000001"),
        (Kind.SERIAL, "mr654321", "mr000001"),
        (Kind.SERIAL, "Sn2307902283", "Sn0000000001"),
        (Kind.NAME, "GS065432", "GS000001"),
        (Kind.MAC, "A4:CF:12:05:99:01", "02:00:00:00:00:01"),
        (Kind.SECRET, "a4-cf-12-05-99-01", "02-00-00-00-00-01"),
        (Kind.IP, "10.0.7.9", "192.168.0.1"),
        (Kind.IP, "93.184.216.34", "203.0.113.1"),
        (Kind.IP, "fe80::aa", "fd00::1"),
        (Kind.IP, "2a02:8071::5", "2001:db8::1"),
        (Kind.IP, "127.0.0.1", "127.0.0.1"),
        (Kind.SECRET, "me@home.example", "user1@example.com"),
        (Kind.EMAIL, "me", "name 1"),
        (Kind.NETWORK, "FRITZ!Box 7590", "Wi-Fi 1"),
        (Kind.ID, "0E4D3C2B-1A09-4F8E-9D7C-6B5A49382716", "00000000-0000-4000-8000-000000000001"),
        (Kind.PLACE, "Europe/Rome", "Etc/UTC"),
        (Kind.SECRET, "", ""),
    ],
)
def test_each_kind_has_its_form(kind, value, made):
    assert Substitutions().of(kind, value) == made


def test_a_token_keeps_its_length_and_its_alphabet():
    made = Substitutions().of(Kind.SECRET, "0f1e" * 16)
    assert len(made) == 64
    assert set(made) <= set("0123456789abcdef")
    assert made != "0f1e" * 16


def test_spellings_of_one_address_have_one_substitute():
    table = Substitutions()
    spelled = ["a4:cf:12:05:99:01", "A4-CF-12-05-99-01", "A4:CF:12:05:99:01"]
    assert [table.of(Kind.MAC, each) for each in spelled] == [
        "02:00:00:00:00:01",
        "02-00-00-00-00-01",
        "02:00:00:00:00:01",
    ]
    assert table.values()[Kind.MAC] == 1
    assert table.uses[Kind.MAC] == 3


FILLS = {"0": "0123456789", "a": "ghijklmnopqrstuvwxyz", "A": "GHIJKLMNOPQRSTUVWXYZ"}


@given(KINDS, st.text("0aA-_ /", min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_a_substitute_says_nothing_of_the_value_but_its_shape(kind, shape, random):
    one, other = ("".join(random.choice(FILLS.get(each, each)) for each in shape) for _ in range(2))
    if is_serial(one):
        one = other[:2] + one[2:]
    assert Substitutions().of(kind, one) == Substitutions().of(kind, other)


@given(st.lists(st.tuples(KINDS, VALUES), max_size=20))
def test_a_copy_of_a_copy_is_the_copy(pairs):
    first, again = Substitutions(), Substitutions()
    copied = [(kind, first.of(kind, value)) for kind, value in pairs]
    assert [again.of(kind, value) for kind, value in copied] == [value for _, value in copied]


@given(st.lists(st.tuples(KINDS, VALUES), max_size=20))
def test_equal_values_stay_equal(pairs):
    table = Substitutions()
    made = [table.of(kind, value) for kind, value in pairs]
    assert [table.of(kind, value) for kind, value in pairs] == made


def test_there_may_be_more_values_than_texts_of_their_shape():
    table = Substitutions()
    assert all(len(table.of(Kind.TEXT, str(number))) == 1 for number in range(10))
    assert table.of(Kind.PLACE, "Europe/Rome") == table.of(Kind.PLACE, "Europe/Oslo")
