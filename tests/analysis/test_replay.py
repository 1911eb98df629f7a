"""Requests and answers out of records, and how answers compare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.replay import ByteChange, Step, ValueChange, Verdict, compare, related_names, steps_of
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.framing import wrap
from lmdecode.codec.v1.key import Key, encrypt
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.message import OK, Message, build
from lmdecode.codec.v1.window import decode_window
from lmdecode.codec.v1.windows import VOLATILE

KEY = Key.parse("12345678901234567890123456789012")
TEMPERATURES = Message(Kind.READ, 0x401C, 4)
POWER = Message(Kind.WRITE, 0x0000, 1, b"\x01")
SECRET = next(row for row in REGISTERS if row.secret)


def frame(message):
    return wrap(encrypt(KEY, build(message)))


def records(*said, show_secrets=False):
    conversation = Conversation(FrameDecoder(KEY, show_secrets=show_secrets))
    for time, (sender, message) in enumerate(said):
        yield from conversation.receive(time, sender, message if isinstance(message, bytes) else frame(message))
    yield from conversation.close(len(said))


def test_requests_find_their_answers_however_many_are_asked_at_once():
    answer = TEMPERATURES._replace(data=bytes(4))
    later = TEMPERATURES._replace(data=bytes([0, 1, 0, 1]))
    steps, damaged = steps_of(
        records(
            ("app", TEMPERATURES),
            ("app", POWER),
            ("app", TEMPERATURES),
            ("machine", answer),
            ("machine", Message(Kind.WRITE, 0x0000, 1, status="NO")),
            ("machine", later),
            ("machine", later),  # a report
            ("app", Message(Kind.READ, 0x0300, 7)),
        )
    )
    assert damaged == 0
    assert [(step.time_ns, step.request, step.answer) for step in steps] == [
        (0, TEMPERATURES, answer),
        (1, POWER, Message(Kind.WRITE, 0x0000, 1, status="NO")),
        (2, TEMPERATURES, later),
        (7, Message(Kind.READ, 0x0300, 7), None),
    ]


def test_an_echo_is_an_answer_without_data():
    steps, _ = steps_of(records(("app", TEMPERATURES), ("machine", TEMPERATURES)))
    assert steps[0].answer == TEMPERATURES


def test_damaged_requests_are_counted_and_not_sent():
    steps, damaged = steps_of(records(("app", b"@garbage%"), ("app", TEMPERATURES), ("machine", b"@garbage%")))
    assert ([step.request for step in steps], damaged) == ([TEMPERATURES], 1)
    assert steps[0].answer is None


@pytest.mark.parametrize("show_secrets", [True, False])
def test_the_account_is_compared_only_if_it_is_shown(show_secrets):
    request = Message(Kind.READ, SECRET.address, 2)
    steps, _ = steps_of(records(("app", request), ("machine", request._replace(data=b"pw")), show_secrets=show_secrets))
    assert steps[0].secret
    assert steps[0].answer.data == (b"pw" if show_secrets else None)


def read(address, old, new, ignored=frozenset()):
    request = Message(Kind.READ, address, len(old))
    return compare(Step(0, request, request._replace(data=old)), request._replace(data=new), ignored)


def test_values_and_bytes_that_nobody_can_name():
    found = read(0x401C, bytes.fromhex("03bc04d80000 07"), bytes.fromhex("03bd04d80000 06"))
    assert found.changes == (
        ValueChange("coffee_temp", 95.6, 95.7),
        ValueChange("steam_boiler_enable", True, False),
    )
    assert (found.verdict, found.unexplained) == (Verdict.DIFFERENT, ())
    found = read(0x4022, b"\x05", b"\x03")
    assert (found.changes, found.unexplained) == ((), (ByteChange(0x4022, b"\x05", b"\x03"),))
    assert found.verdict is Verdict.DIFFERENT
    found = read(0x5000, b"\1\2\3\4", b"\1\7\7\4")
    assert found.unexplained == (ByteChange(0x5001, b"\2\3", b"\7\7"),)


def test_what_changes_by_itself():
    data = bytes.fromhex("001A0906020115")
    assert read(0x0300, data, bytes.fromhex("011B0906020115"), VOLATILE).verdict is Verdict.VOLATILE
    assert read(0x0300, data, bytes.fromhex("011B0906020115")).verdict is Verdict.DIFFERENT
    both = read(0x4017, bytes.fromhex("01010000"), bytes.fromhex("00010000"), VOLATILE)
    assert (both.verdict, both.changes) == (Verdict.DIFFERENT, (ValueChange("power", True, False),))


@given(st.integers(0, 0x110), st.binary(min_size=1, max_size=48), st.data())
def test_every_byte_that_differs_is_told_of(address, old, data):
    new = data.draw(st.binary(min_size=len(old), max_size=len(old)))
    found = read(address, old, new)
    assert (found.verdict is Verdict.SAME) == (old == new)
    told = {each for piece in found.unexplained for each in range(piece.address, piece.address + len(piece.old))}
    names = {change.name for change in found.changes}
    for row in REGISTERS:
        if row.name in names:
            told.update(range(row.address, row.end))
    assert {address + index for index in range(len(old)) if old[index] != new[index]} <= told
    before, after = decode_window(address, old)[0], decode_window(address, new)[0]
    assert names == {name for name in before | after if before.get(name) != after.get(name)}


@pytest.mark.parametrize(
    ("recorded", "now", "verdict", "note"),
    [
        (None, None, Verdict.SAME, "no answer, as recorded"),
        (TEMPERATURES, TEMPERATURES, Verdict.SAME, ""),
        (TEMPERATURES._replace(data=bytes(4)), None, Verdict.MISSING, ""),
        (None, TEMPERATURES._replace(data=bytes(4)), Verdict.DIFFERENT, "no answer recorded, now 4 bytes"),
        (TEMPERATURES._replace(data=bytes(4)), TEMPERATURES, Verdict.DIFFERENT, "4 bytes recorded, now an echo"),
        (Message(Kind.WRITE, 0, 1, status=OK), Message(Kind.WRITE, 0, 1, status=OK), Verdict.SAME, ""),
        (Message(Kind.WRITE, 0, 1, status="NO"), Message(Kind.WRITE, 0, 1, status="EE"), Verdict.SAME, ""),
        (
            Message(Kind.WRITE, 0, 1, status=OK),
            Message(Kind.WRITE, 0, 1, status="NO"),
            Verdict.DIFFERENT,
            "OK recorded, now a refusal (NO)",
        ),
    ],
)
def test_answers_that_are_not_bytes(recorded, now, verdict, note):
    found = compare(Step(0, TEMPERATURES, recorded), now)
    assert (found.verdict, found.note) == (verdict, note)


def test_what_a_name_stands_for():
    assert related_names(["mon_on_time"]) == {"mon_on_time", "mon_on_hour", "mon_on_min"}
    assert "pump_on" in related_names(["heating_state"])
    assert "days_since_built" in related_names(VOLATILE)
    assert related_names([]) == set()
