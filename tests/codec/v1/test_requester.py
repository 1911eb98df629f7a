"""The app's side of a connection, without a socket."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.requester import Dialogue
from lmdecode.simulator.fault_effects import frame, other_key

KEY = Key.parse("12345678901234567890123456789012")
REQUEST = Message(Kind.READ, 0x0007, 2)
ANSWER = REQUEST._replace(data=b"\x03\xac")
REPORT = Message(Kind.READ, 0x401C, 4, b"\x03\xbc\x04\xd8")
FLOW = Message(Kind.STREAM, 0x6000, 0x16, bytes(0x16))
OTHER = Message(Kind.READ, 0x0107, 2, b"\0\0")


def asked():
    dialogue = Dialogue(KEY)
    dialogue.ask(0, REQUEST)
    return dialogue


@given(st.lists(st.sampled_from([REPORT, FLOW, OTHER]), max_size=3), st.data())
def test_the_answer_is_found_among_reports_however_the_stream_is_cut(reports, data):
    dialogue = asked()
    stream = b"".join(frame(KEY, each) for each in [*reports, ANSWER, REPORT])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    records = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        records += dialogue.receive(1, stream[start:end])
    assert dialogue.answer.data == "03ac"
    assert dialogue.answer.role == "response"
    assert len(records) == len(reports) + 2
    assert dialogue.heard.valid == len(reports) + 1
    assert (dialogue.heard.undecryptable, dialogue.heard.garbage) == (0, 0)
    assert (dialogue.heard.strange is not None) == (OTHER in reports)


def test_a_report_of_the_same_window_as_the_request_is_its_answer_only_once():
    dialogue = Dialogue(KEY)
    dialogue.ask(0, REPORT._replace(data=None))
    dialogue.receive(1, frame(KEY, REPORT) * 2)
    assert dialogue.answer.role == "response"
    assert dialogue.heard.valid == 1


def test_another_request_forgets_the_answer_to_the_last():
    dialogue = asked()
    dialogue.receive(1, frame(KEY, ANSWER))
    dialogue.ask(2, REQUEST)
    assert dialogue.answer is None
    assert dialogue.ever_valid


def test_what_does_not_decrypt_is_told_from_what_is_no_frame():
    dialogue = asked()
    dialogue.receive(1, frame(other_key(KEY), ANSWER))
    dialogue.receive(1, b"xyz" + frame(KEY, REPORT) + b"@!%")
    assert dialogue.answer is None
    assert (dialogue.heard.undecryptable, dialogue.heard.garbage, dialogue.heard.valid) == (1, 6, 1)


def test_a_damaged_answer_is_one():
    dialogue = asked()
    from lmdecode.codec.v1.framing import wrap
    from lmdecode.codec.v1.key import encrypt

    dialogue.receive(1, wrap(encrypt(KEY, b"R0007000203AC00")))
    assert dialogue.answer.problems


@given(st.lists(st.binary(max_size=40)))
def test_nothing_makes_it_crash(pieces):
    dialogue = asked()
    for piece in pieces:
        dialogue.receive(1, piece)
    dialogue.close(2)
    assert dialogue.answer is None
    assert dialogue.ever_heard == any(pieces)
    assert not dialogue.ever_valid
