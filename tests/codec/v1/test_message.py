"""Plaintexts to messages and back, right ones and damaged ones."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lmdecode.codec.errors import MessageError
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.message import ADDRESS_SPACE, Message, build, check_byte, letter_of, parse, parse_leniently
from tests.codec.v1.samples import SAMPLE_NAMES, SAMPLES, with_check

KINDS = {"R": Kind.READ, "W": Kind.WRITE, "Z": Kind.STREAM}


def is_status(text: str, length: int) -> bool:
    """Whether a text in a write's place of data can only be an answer: not data of any, or of the right, length."""
    if re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", text):
        return len(text) == 2 and length != 1
    return True


@st.composite
def windows(draw, min_length: int = 0, max_length: int = 0xFFFF) -> tuple[int, int]:
    length = draw(st.integers(min_length, max_length))
    return draw(st.integers(0, min(0xFFFF, ADDRESS_SPACE - length))), length


@st.composite
def messages(draw) -> Message:
    """Every message that there may be."""
    form = draw(st.sampled_from(["request", "data", "status"]))
    if form == "request":
        return Message(Kind.READ, *draw(windows()))
    if form == "data":
        data = draw(st.binary(min_size=1, max_size=300))
        address = draw(st.integers(0, ADDRESS_SPACE - len(data)))
        return Message(draw(st.sampled_from(Kind)), address, len(data), data)
    address, length = draw(windows())
    texts = (
        st.just("OK")
        | st.from_regex(r"[!-~]([ -~]{0,14}[!-~])?", fullmatch=True)
        | st.from_regex(r"[0-9A-Fa-f]{1,5}", fullmatch=True)
    )
    status = draw(texts.filter(lambda text: is_status(text, length)))
    return Message(Kind.WRITE, address, length, status=status)


@pytest.mark.parametrize("sample", SAMPLES, ids=SAMPLE_NAMES)
def test_messages_of_real_machines(sample):
    message = parse(sample.plaintext)
    assert (message.kind, message.address, message.length) == (KINDS[sample.letter], sample.address, sample.length)
    payload = sample.text[9:]
    if payload == "OK":
        assert (message.data, message.status, message.ok) == (None, "OK", True)
    else:
        assert (message.data, message.status, message.ok) == (bytes.fromhex(payload), None, None)
        assert len(message.data) == sample.length
    assert build(message) == sample.plaintext


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.check], ids=lambda sample: sample.name)
def test_check_bytes_of_real_machines(sample):
    assert f"{check_byte(sample.text.encode('ascii')):02X}" == sample.check


@pytest.mark.parametrize(
    ("plaintext", "message"),
    [
        (b"R40000020D8", Message(Kind.READ, 0x4000, 0x20)),
        (b"R0000001FE9", Message(Kind.READ, 0x0000, 0x1F)),
        (b"R0310001DEB", Message(Kind.READ, 0x0310, 0x1D)),
        (b"W000000010139", Message(Kind.WRITE, 0, 1, b"\x01")),
        (b"W000000010038", Message(Kind.WRITE, 0, 1, b"\x00")),
        (
            b"W030000070B0F15070D0C14E2",
            Message(Kind.WRITE, 0x0300, 7, bytes([11, 15, 21, 7, 13, 12, 20])),
        ),
    ],
)
def test_the_commands_that_the_protocol_names(plaintext, message):
    assert parse(plaintext) == message
    assert build(message) == plaintext


@given(messages())
@example(Message(Kind.READ, 0, 0))
@example(Message(Kind.READ, 0xFFFF, 1))
@example(Message(Kind.READ, 1, 0xFFFF, b"\xff" * 0xFFFF))
@example(Message(Kind.WRITE, 0, 2, status="EE"))
@example(Message(Kind.WRITE, 0, 0, status="OK"))
def test_what_is_built_reads_back(message):
    plaintext = build(message)
    assert parse(plaintext) == message
    assert plaintext == with_check(plaintext[:-2].decode("ascii"))
    assert plaintext[:9].decode("ascii") == letter_of(message.kind) + message.preamble
    assert message.preamble == f"{message.address:04X}{message.length:04X}"


@given(st.text("RWZ0123456789ABCDEFOK", max_size=40).map(with_check) | messages().map(build))
def test_what_reads_without_fault_builds_back(plaintext):
    parsed = parse_leniently(plaintext)
    if parsed.problems:
        with pytest.raises(MessageError, match=re.escape(parsed.problems[0])):
            parse(plaintext)
    else:
        assert build(parsed.message) == plaintext


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Message(Kind.READ, -1, 1), "address must be 0 to 0xFFFF, not -1"),
        (Message(Kind.READ, 0x10000, 1), "address must be 0 to 0xFFFF, not 65536"),
        (Message(Kind.READ, 0, -1), "length must be 0 to 0xFFFF, not -1"),
        (Message(Kind.READ, 0, 0x10000), "length must be 0 to 0xFFFF, not 65536"),
        (Message(Kind.READ, 0xFFFF, 2), "past the end of memory"),
        (Message(Kind.WRITE, 0, 1), "a write message needs data"),
        (Message(Kind.STREAM, 0, 1), "a stream message needs data"),
        (Message(Kind.READ, 0, 2, b"\0"), "length says 2 bytes, the data has 1 byte"),
        (Message(Kind.READ, 0, 0, b""), "length says 0 bytes, the data has 0 bytes"),
        (Message(Kind.READ, 0, 1, status="OK"), "only the answer to a write has a status"),
        (Message(Kind.WRITE, 0, 1, b"\1", status="OK"), "only the answer to a write has a status"),
        (Message(Kind.WRITE, 0, 1, status=""), "could not be read back"),
        (Message(Kind.WRITE, 0, 1, status="EE"), "could not be read back"),
        (Message(Kind.WRITE, 0, 1, status="DEAD"), "could not be read back"),
        (Message(Kind.WRITE, 0, 1, status=" OK"), "could not be read back"),
        (Message(Kind.WRITE, 0, 1, status="é"), "could not be read back"),
        (Message(Kind.WRITE, 0, 1, status="x" * 17), "could not be read back"),
    ],
)
def test_what_cannot_be_built(message, reason):
    with pytest.raises(MessageError, match=reason):
        build(message)


def test_a_refusal_is_kept_as_it_was_said():
    message = parse(with_check("W00070002EE"))
    assert (message.status, message.ok, message.data) == ("EE", False, None)
    message = parse(with_check("W00070002NOT ALLOWED"))
    assert (message.status, message.ok, message.data) == ("NOT ALLOWED", False, None)


GOOD = "R401C000403BC04D8"
TEMPERATURES = bytes.fromhex("03BC04D8")
# A damaged plaintext; the data that can still be read; the problems, in order; whether the check byte is right.
DAMAGED = {
    "wrong check byte": (b"R401C000403BC04D8B7", TEMPERATURES, ["check byte is B7, should be B6"], False),
    "check byte in lower case": (b"R401C000403BC04D8b6", TEMPERATURES, ["check byte is b6"], False),
    "check byte not hex": (b"R401C000403BC04D8\xff!", TEMPERATURES, [r"check byte is \\xff!, should be B6"], False),
    "check byte missing": (
        b"R401C000403BC04D8",
        b"\x03\xbc\x04",
        ["check byte is D8", "length says 4.*holds 3"],
        False,
    ),
    "too little data": (with_check("R401C000403BC04"), b"\x03\xbc\x04", ["length says 4 bytes.*holds 3 bytes"], True),
    "too much data": (with_check(GOOD + "00"), TEMPERATURES + b"\0", ["length says 4 bytes.*holds 5 bytes"], True),
    "length of nothing": (with_check("R401C000003"), b"\x03", ["length says 0 bytes.*holds 1 byte"], True),
    "not hex at once": (with_check("R401C0004XX"), None, ["not hexadecimal from digit 1 on"], True),
    "not hex later": (with_check("R401C000403BCxx04"), b"\x03\xbc", ["not hexadecimal from digit 5 on"], True),
    "not ASCII": (b"R401C000403\xe9\xe9B6", b"\x03", ["check byte", "not hexadecimal from digit 3 on"], False),
    "an odd digit": (with_check("R401C000403BC04D"), b"\x03\xbc\x04", ["not hexadecimal from digit 7 on"], True),
    "lower case": (with_check(GOOD.lower().replace("r", "R")), TEMPERATURES, ["in the preamble", "in the data"], True),
    "lower-case data": (with_check("R401C000403bc04D8"), TEMPERATURES, ["lower-case digits in the data"], True),
    "past the end of memory": (with_check("RFFFF000203BC"), b"\x03\xbc", [r"FFFF\+0002 runs past the end"], True),
    "a write of no data": (with_check("W00000001"), None, ["a write message without data"], True),
    "a stream of no data": (with_check("Z60000016"), None, ["a stream message without data"], True),
    "a long refusal": (with_check("W00000001" + "NO! " * 5 + "NO"), None, ["not hexadecimal from digit 1 on"], True),
    "a long hex refusal": (with_check("W00000001BAD1"), b"\xba\xd1", ["length says 1 byte, .*holds 2 bytes"], True),
}


@pytest.mark.parametrize(("plaintext", "data", "problems", "check_ok"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_messages_are_kept_with_their_problems(plaintext, data, problems, check_ok):
    message, found, found_check_ok = parse_leniently(plaintext)
    assert message is not None
    assert (letter_of(message.kind), message.preamble) == (chr(plaintext[0]), plaintext[1:9].decode("ascii").upper())
    assert (message.data, message.status) == (data, None)
    assert len(found) == len(problems)
    for problem, pattern in zip(found, problems, strict=True):
        assert re.search(pattern, problem)
    assert found_check_ok is check_ok
    with pytest.raises(MessageError, match=problems[0]):
        parse(plaintext)


@pytest.mark.parametrize(
    ("plaintext", "problem"),
    [
        (b"", "too short"),
        (b"R", "too short"),
        (b"R400", "too short"),
        (b"R40000020", "too short"),
        (b"R40000020D", "too short"),
        (b"Q40000020D7", "begins with 'Q'"),
        (b"r40000020F8", "begins with 'r'"),
        (b"R4X000020D8", "not an address and a length"),
        (b"\x00\x8f\x12", "wrong key"),
        (b"R4\x00000020D8", "wrong key"),
        (b"\xe9" * 32, "wrong key"),
    ],
)
def test_what_is_no_message_at_all(plaintext, problem):
    message, problems, check_ok = parse_leniently(plaintext)
    assert message is None
    assert check_ok is False
    assert len(problems) == 1
    assert problem in problems[0]
    with pytest.raises(MessageError, match=problem):
        parse(plaintext)


@given(
    st.binary(max_size=64)
    | st.text("RWZ0123456789abcdefABCDEFOK \xe9", max_size=64).map(lambda text: text.encode("latin-1"))
)
def test_reading_leniently_never_raises(plaintext):
    message, problems, check_ok = parse_leniently(plaintext)
    assert check_ok == (message is not None and plaintext[-2:] == f"{sum(plaintext[:-2]) % 256:02X}".encode())
    assert message is not None or problems
    if message is not None and message.data is not None:
        assert plaintext[9:].upper().startswith(message.data.hex().upper().encode())


@given(messages(), st.data())
def test_one_changed_character_never_goes_unseen(message, data):
    plaintext = bytearray(build(message))
    index = data.draw(st.integers(0, len(plaintext) - 1))
    plaintext[index] = data.draw(st.integers(0, 255).filter(lambda code: code != plaintext[index]))
    assert parse_leniently(bytes(plaintext)).problems
