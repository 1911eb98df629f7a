"""The fast path says what the general path says, or leaves it to that."""

from __future__ import annotations

from unittest.mock import patch

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.v1 import decoder
from lmdecode.codec.v1._fast import read_text, read_texts
from lmdecode.codec.v1.decoder import decode_plaintext
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.message import HEADER, NO_FIELDS
from lmdecode.codec.v1.window import decode_by_steps
from tests.codec.v1.samples import SAMPLES, with_check


@pytest.fixture(autouse=True, scope="module")
def _by_steps():
    """The general path reads each register by itself."""

    def decode_message(message):
        if message.data is None:
            return {}, ()
        return decode_by_steps(message.address, message.data, written=message.kind == "write")

    with patch.object(decoder, "decode_message", decode_message):
        yield


ADDRESSES = st.integers(0, 0xFFFF) | st.sampled_from([row.address for row in REGISTERS])


def agrees(plaintext):
    """Compare the ways; whether the fast one read it."""
    read = read_text(plaintext, 3, fields_as="values")
    as_json = read_text(plaintext, 3, fields_as="json")
    slow = decode_plaintext(plaintext)
    if read is None:
        assert as_json is None
        return False
    text, fields, problems, number, start, window = read
    assert (text, fields, problems, number) == (slow.plaintext, slow.fields, slow.problems, 3)
    assert as_json == (text, orjson.dumps(dict(fields)).decode(), problems, 3, start, window)
    assert read_text(plaintext, 3, fields_as="none") == (text, NO_FIELDS, problems, 3, start, window)
    assert slow.valid
    assert slow.data == (text[HEADER:-2].lower() or None)
    assert (start, window) == (text[:HEADER], slow.message[:3])
    if slow.data is None:
        assert (slow.message.kind, fields) == ("read", NO_FIELDS)
    return True


def test_requests_are_read_as_text_only():
    assert read_text(with_check("R40000020"), 0, fields_as="json")[:4] == ("R40000020D8", "{}", (), 0)
    for not_so in ("W40000020", "Z40000020", "R01110010", "R40000000", "RFFFF0002"):
        assert read_text(with_check(not_so), 0, fields_as="json") is None


def test_several_are_read_as_each_is():
    texts = [with_check("R40000020"), b"junk", with_check("R01110010"), with_check("R0000000102")]
    assert read_texts(texts, 1, fields_as="json") == [read_text(text, 1, fields_as="json") for text in texts]


def test_the_samples_that_it_reads():
    read = [sample.plaintext for sample in SAMPLES if agrees(sample.plaintext)]
    assert len(read) >= 8, "else it is not worth having"


@given(st.sampled_from("RWZ"), ADDRESSES, st.binary(min_size=1, max_size=70))
def test_any_message(letter, address, data):
    agrees(with_check(f"{letter}{address:04X}{len(data):04X}{data.hex().upper()}"))


def test_values_that_no_register_allows():
    assert agrees(with_check("R0000000102"))
    assert read_text(with_check("R0000000102"), 0, fields_as="values")[2] == ("power: 2 is neither 0 nor 1",)


@given(st.sampled_from(SAMPLES), st.data())
def test_any_damage(sample, data):
    plaintext = bytearray(sample.plaintext)
    plaintext[data.draw(st.integers(0, len(plaintext) - 1))] = data.draw(st.integers(0, 255))
    agrees(bytes(plaintext))


@given(st.binary(max_size=40))
def test_any_bytes(plaintext):
    agrees(plaintext)


@pytest.mark.parametrize(
    "plaintext",
    [
        with_check("W00000001OK"),
        b"R401C000403BC04D8B7",
        with_check("R401C000403bc04D8"),
        with_check("R401C000403BC04"),
        with_check("R01110001" + "41"),
        with_check("RFFFF00020000"),
        with_check("RG01C000403BC04D8"),
        b"",
    ],
)
def test_what_it_leaves_to_the_general_path(plaintext):
    assert read_text(plaintext, 0, fields_as="values") is None


def test_a_window_with_two_copies():
    one, other = (b"Sn0102030405".hex(), b"Sn0102030406".hex())
    for copy in (one, other):
        assert agrees(with_check(f"R00B0001C{one}{'00' * 4}{copy}".upper()))
