"""A frame's body to all that it says, in one cached step; and bytes at random through the whole chain."""

from __future__ import annotations

import random
import re
from types import MappingProxyType

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.errors import CodecError
from lmdecode.codec.record import Kind
from lmdecode.codec.v1 import decoder as decoding
from lmdecode.codec.v1.decoder import FrameDecoder, decode_plaintext
from lmdecode.codec.v1.framing import Deframer, Frame, unwrap
from lmdecode.codec.v1.key import Key, decrypt
from lmdecode.codec.v1.message import letter_of, parse_leniently
from tests.codec.v1.samples import KEY_BYTES, SAMPLE_NAMES, SAMPLES, frame, seal, with_check

KEY = Key(KEY_BYTES)


@pytest.mark.parametrize("sample", SAMPLES, ids=SAMPLE_NAMES)
def test_frames_of_real_machines(sample):
    decoded = FrameDecoder(KEY).decode(seal(sample.plaintext))
    assert decoded.valid
    assert decoded.problems == ()
    assert sample.is_in(decoded.fields)
    assert decoded.plaintext == sample.plaintext.decode("ascii")
    assert decoded.data == (None if sample.text.endswith("OK") else sample.text[9:].lower())
    assert (letter_of(decoded.message.kind), decoded.message.address) == (sample.letter, sample.address)


def test_a_read_request():
    decoded = FrameDecoder(KEY).decode(seal(b"R40000020D8"))
    assert (decoded.message.kind, decoded.message.address, decoded.message.length) == (Kind.READ, 0x4000, 0x20)
    assert (decoded.data, decoded.fields, decoded.problems, decoded.valid) == (None, {}, (), True)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "0 bytes, which is not a whole number"),
        (b"QUJD", "3 bytes, which is not a whole number"),
        (b"!!!!", "not base64"),
        (b"\xff" * 24, "not base64"),
    ],
)
def test_a_body_that_does_not_decrypt(body, problem):
    decoded = FrameDecoder(KEY).decode(body)
    assert (decoded.message, decoded.plaintext, decoded.data, decoded.valid) == (None, None, None, False)
    assert len(decoded.problems) == 1
    assert problem in decoded.problems[0]


def test_the_wrong_key_is_told_from_the_right_one():
    wrong = FrameDecoder(Key(b"another key of thirty-two bytes!"))
    for sample in SAMPLES:
        decoded = wrong.decode(seal(sample.plaintext))
        assert not decoded.valid
        assert decoded.problems


def test_text_that_is_no_message_is_shown():
    decoded = FrameDecoder(KEY).decode(seal(b"hello, machine"))
    assert (decoded.message, decoded.valid, decoded.plaintext) == (None, False, "hello, machine")
    assert decoded.problems


def test_a_wrong_check_byte_keeps_the_message():
    decoded = FrameDecoder(KEY).decode(seal(b"R401C000403BC04D8B7"))
    assert not decoded.valid
    assert decoded.fields == {"coffee_temp": 95.6, "steam_temp": 124.0}
    assert decoded.problems == ("check byte is B7, should be B6",)


def test_a_register_that_cannot_be_read_is_a_problem_of_a_valid_message():
    decoded = FrameDecoder(KEY).decode(seal(with_check("R0000000107")))
    assert decoded.valid
    assert decoded.fields == {}
    assert decoded.problems == ("power: 7 is neither 0 nor 1",)


def test_equal_bodies_are_decoded_once_and_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(decoding, "_CACHE_SIZE", 8)
    decoder = FrameDecoder(KEY)
    bodies = [seal(with_check(f"R{address:04X}0010")) for address in range(50)]
    first = [decoder.decode(body) for body in bodies]
    assert decoder.decode(bodies[-1]) is first[-1]
    assert [decoder.decode(body) for body in bodies] == first
    assert len(decoder._cache) <= 8
    assert [decoded.message.address for decoded in first] == list(range(50))


@pytest.mark.parametrize("show_secrets", [False, True])
@pytest.mark.parametrize(
    "plaintext",
    [
        *(sample.plaintext for sample in SAMPLES),
        with_check("R0111000141"),
        b"R401C000403BC04D8B7",
        b"R401C000403\xe9\xe9B6",
        b"hello",
        b"\xff\xfe",
    ],
)
def test_a_plaintext_says_what_its_frame_says(plaintext, show_secrets):
    decoded = decode_plaintext(plaintext, show_secrets=show_secrets)
    assert decoded == FrameDecoder(KEY, show_secrets=show_secrets).decode(seal(plaintext))
    assert decoded.valid is (plaintext[0] in b"RWZ" and plaintext[-2:] == f"{sum(plaintext[:-2]) % 256:02X}".encode())


@given(st.binary(max_size=60))
def test_any_plaintext(plaintext):
    decoded = decode_plaintext(plaintext)
    assert decoded.message is not None or decoded.problems
    assert decoded.plaintext is None or decoded.plaintext.isascii()


def test_a_decoder_does_not_show_its_key():
    decoder = FrameDecoder(KEY)
    assert KEY_BYTES.decode() not in repr(decoder) + repr(vars(decoder))


def through_the_chain(stream: bytes, decoder: FrameDecoder) -> int:
    """Take each step by itself, then all in one; how many frames there were."""
    deframer = Deframer()
    frames = [event for event in [*deframer.feed(stream), *deframer.flush()] if isinstance(event, Frame)]
    for found in frames:
        decoded = decoder.decode(found.body)
        assert FrameDecoder(KEY).decode(found.body).valid == decoded.valid  # with secrets masked
        try:
            plaintext = decrypt(KEY, unwrap(found.body))
        except CodecError:
            assert (decoded.message, decoded.plaintext, len(decoded.problems)) == (None, None, 1)
            continue
        parsed = parse_leniently(plaintext)
        assert decoded.message == parsed.message
        assert decoded.valid == parsed.check_ok
        assert bool(decoded.problems) >= (parsed.message is None)
    return len(frames)


def random_plaintext(chance: random.Random) -> bytes:
    form = chance.randrange(4)
    if form == 0:
        return chance.randbytes(chance.randrange(80))
    payload = chance.randbytes(chance.randrange(50)).hex().upper()
    if form == 1:
        payload = "".join(chance.choices("0123456789ABCDEFabcdefOK \t~", k=chance.randrange(40)))
    address = chance.choice([0x0000, 0x0100, 0x0110, 0x0300, 0x4000, 0x60EF, 0xFFF0, chance.randrange(0x10000)])
    text = f"{chance.choice('RWZRWZQ')}{address:04X}{chance.choice([len(payload) // 2, chance.randrange(0x10000)]):04X}"
    plaintext = bytearray(with_check(text + payload))
    if form == 2:
        plaintext[chance.randrange(len(plaintext))] = chance.randrange(256)
    return bytes(plaintext)


def test_ten_thousand_random_byte_strings():
    chance = random.Random(1774)
    decoder = FrameDecoder(KEY, show_secrets=True)
    frames = 0
    for number in range(10_000):
        form = number % 5
        if form == 0:
            stream = chance.randbytes(chance.randrange(200))
        elif form == 1:
            stream = bytes(chance.choices(b"@@%%ABab09+/=\0\xff", k=chance.randrange(100)))
        elif form == 2:
            stream = b"@" + bytes(chance.choices(b"ABCDabcd0123+/", k=4 * chance.randrange(20))) + b"%"
        else:
            damaged = bytearray(frame(random_plaintext(chance)))
            if form == 4:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            stream = bytes(damaged)
        frames += through_the_chain(stream, decoder)
    assert frames > 5000


@given(
    st.lists(st.binary(max_size=40) | st.binary(max_size=64).map(frame) | st.sampled_from([b"@", b"%"])).map(b"".join)
)
def test_any_bytes(stream):
    frames = re.findall(rb"@[^@%]*%", stream)
    assert through_the_chain(stream, FrameDecoder(KEY, show_secrets=True)) == len(frames)


PIECES = st.lists(
    st.binary(max_size=50).map(lambda data: b"@" + data + b"%")
    | st.binary(max_size=20)
    | st.sampled_from(SAMPLES).map(lambda sample: frame(sample.plaintext))
)


@given(PIECES, st.sampled_from(["values", "json", "none"]))
def test_what_is_foreseen_is_what_is_decoded(pieces, fields_as):
    decoder, plain = FrameDecoder(KEY), FrameDecoder(KEY)
    for _ in range(2):
        found = decoder.predecode(pieces, fields_as=fields_as)
        assert len(found) == len(pieces)
        for piece, each in zip(pieces, found, strict=True):
            if each is not None:
                text, fields, problems, number, *_ = each
                decoded = plain.decode(piece[1:-1])
                assert decoded.valid
                assert (decoded.plaintext, decoded.problems, number) == (text, problems, 0)
                if fields_as == "none":
                    assert fields == {}
                else:
                    assert dict(decoded.fields) == (orjson.loads(fields) if fields_as == "json" else fields)


@pytest.mark.usefixtures("with_all_parts")
def test_most_frames_are_foreseen():
    pieces = [frame(sample.plaintext) for sample in SAMPLES]
    assert len([each for each in FrameDecoder(KEY).predecode(pieces, fields_as="json") if each]) > len(pieces) / 2


@pytest.mark.usefixtures("with_all_parts")
def test_one_decoder_may_be_asked_for_both_forms():
    decoder, piece = FrameDecoder(KEY), [frame(b"R401C000403BC04D8B6")]
    for fields_as, kind in (("json", str), ("values", MappingProxyType), ("json", str)):
        ((_, fields, *_),) = decoder.predecode(piece, fields_as=fields_as)
        assert type(fields) is kind


@pytest.mark.usefixtures("with_all_parts")
def test_what_is_kept_is_bounded():
    decoder = FrameDecoder(KEY)
    for start in range(0, 0x10000, 0x1000):
        texts = [with_check(f"R401C0002{number:04X}") for number in range(start, start + 0x1000)]
        found = decoder.predecode([frame(text) for text in texts], fields_as="json")
        assert None not in found
    assert len(decoder._predecoder._known) <= 2 * 0x1000


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.usefixtures("with_all_parts")
def test_a_frame_that_is_not_faultless_is_decrypted_once(keep, monkeypatch):
    decoder, damaged = FrameDecoder(KEY), frame(b"R401C000403BC04D800")
    assert decoder.predecode([damaged], fields_as="json", keep=keep) == [None]
    expected = FrameDecoder(KEY).decode(damaged[1:-1])
    assert expected.problems
    calls = []
    monkeypatch.setattr(decoding, "decrypt", lambda *args: calls.append(args) or decrypt(*args))
    assert decoder.decode(damaged[1:-1]) == expected
    assert len(calls) == (0 if keep else 1)


@pytest.mark.usefixtures("with_all_parts")
def test_what_is_too_long_to_be_faultless_is_not_foreseen():
    longest = with_check("R40000078" + "00" * 0x78)
    too_long = b"@" + b"A" * 4000 + b"%"
    decoder = FrameDecoder(KEY)
    decoder.predecode([too_long, frame(longest)], fields_as="json")
    assert list(decoder._predecoder._known) == [frame(longest)]


def test_a_wrong_check_byte_obeys_no_terminal():
    decoded = decode_plaintext(b"R401C000403BC04D8\x1bc")
    assert decoded.problems == ("check byte is \\x1bc, should be B6",)
