"""The app's side of a connection, without a socket."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.requester import Requester
from lmdecode.simulator.faults import frame, other_key

KEY = Key.parse("12345678901234567890123456789012")
REQUEST = Message(Kind.READ, 0x0007, 2)
ANSWER = REQUEST._replace(data=b"\x03\xac")
REPORT = Message(Kind.READ, 0x401C, 4, b"\x03\xbc\x04\xd8")
FLOW = Message(Kind.STREAM, 0x6000, 0x16, bytes(0x16))
OTHER = Message(Kind.READ, 0x0107, 2, b"\0\0")


def asked():
    requester = Requester(KEY)
    requester.ask(0, REQUEST)
    return requester


@given(st.lists(st.sampled_from([REPORT, FLOW, OTHER]), max_size=3), st.data())
def test_the_answer_is_found_among_reports_however_the_stream_is_cut(reports, data):
    requester = asked()
    stream = b"".join(frame(KEY, each) for each in [*reports, ANSWER, REPORT])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    records = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        records += requester.receive(1, stream[start:end])
    assert requester.answer.data == "03ac"
    assert requester.answer.role == "response"
    assert len(records) == len(reports) + 2
    assert requester.received.valid == len(reports) + 1
    assert (requester.received.undecryptable, requester.received.garbage) == (0, 0)
    assert bool(requester.received.stray) == (OTHER in reports)


def test_a_report_of_the_same_window_as_the_request_is_its_answer_only_once():
    requester = Requester(KEY)
    requester.ask(0, REPORT._replace(data=None))
    requester.receive(1, frame(KEY, REPORT) * 2)
    assert requester.answer.role == "response"
    assert requester.received.valid == 1


def test_another_request_forgets_the_answer_to_the_last():
    requester = asked()
    requester.receive(1, frame(KEY, ANSWER))
    requester.ask(2, REQUEST)
    assert requester.answer is None
    assert requester.ever_valid


def test_what_does_not_decrypt_is_told_from_what_is_no_frame():
    requester = asked()
    requester.receive(1, frame(other_key(KEY), ANSWER))
    requester.receive(1, b"xyz" + frame(KEY, REPORT) + b"@!%")
    assert requester.answer is None
    assert (requester.received.undecryptable, requester.received.garbage, requester.received.valid) == (1, 6, 1)


def test_a_damaged_answer_is_one():
    requester = asked()
    from lmdecode.codec.v1.framing import wrap
    from lmdecode.codec.v1.key import encrypt

    requester.receive(1, wrap(encrypt(KEY, b"R0007000203AC00")))
    assert requester.answer.problems


@given(st.lists(st.binary(max_size=40)))
def test_nothing_makes_it_crash(pieces):
    requester = asked()
    for piece in pieces:
        requester.receive(1, piece)
    requester.close(2)
    assert requester.answer is None
    assert requester.ever_received == any(pieces)
    assert not requester.ever_valid
