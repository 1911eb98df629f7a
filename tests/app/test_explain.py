from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.explain import read_quoted
from lmdecode.codec.errors import MessageError
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.framing import wrap
from lmdecode.codec.v1.key import Key, encrypt

KEY = Key(b"1" * 32)
ACCOUNT = "00000000-0000-4000-8000-000000000000"


def decoder():
    return FrameDecoder(KEY)


def no_decoder():
    raise AssertionError("no key is needed")


@pytest.mark.parametrize(
    ("given_", "title", "windowed"),
    [
        ("R401C000403BC04D8B6", "R401C000403BC04D8B6", False),
        ("r401c000403bc04d8b6", None, False),
        ("R401C 0004 03BC 04D8", "R401C000403BC04D8B6", False),
        ("401c0004 03bc04d8", "401C000403BC04D8", True),
        ("0310001D", "0310001D", True),
    ],
)
def test_what_people_quote(given_, title, windowed):
    if title is None:
        with pytest.raises(MessageError, match="is not a message"):
            read_quoted(given_, no_decoder)
        return
    found = read_quoted(given_, no_decoder)
    assert (found.title, found.windowed) == (title, windowed)
    assert found.decoded.message is not None


def test_a_frame():
    frame = wrap(encrypt(KEY, b"R401C000403BC04D8B6")).decode()
    assert read_quoted(frame, decoder).decoded.fields["coffee_temp"] == 95.6
    with pytest.raises(MessageError, match="no % at its end"):
        read_quoted(frame[:-1], decoder)


@given(st.text() | st.text("RWZ0123456789ABCDEF@% ", max_size=60))
def test_whatever_is_given_is_read_or_refused_in_one_line(text):
    try:
        _, decoded, _ = read_quoted(text, decoder)
        told = bool(decoded.message) or bool(decoded.problems)
    except MessageError as error:
        told = "\n" not in str(error)
    assert told


@pytest.mark.parametrize("form", ["R01110024{}", "01110024{}", "R01110024{}00", "R01110024{}ZZ"])
def test_secrets_are_not_in_the_title(form):
    digits = ACCOUNT.encode().hex().upper()
    found = read_quoted(form.format(digits), no_decoder)
    assert digits[:8] not in f"{found.title}{found.decoded.plaintext}{found.decoded.data}"
    shown = read_quoted(form.format(digits), no_decoder, show_secrets=True)
    assert digits in shown.title
