"""STOMP: what was cut, glued, miscounted or escaped comes out as frames, and nothing of it is lost."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.stomp import LARGEST, Stomp

MESSAGE = b'MESSAGE\ndestination:/a\ncontent-length:7\n\n{"a":1}\0'
RECEIPT = b"RECEIPT\nreceipt-id:1\n\n\0"


def frames_of(*texts):
    stomp = Stomp()
    return [frame for text in texts for frame in stomp.receive(text)] + stomp.close()


def test_a_frame_is_a_command_headers_and_a_body():
    (frame,) = frames_of(MESSAGE)
    assert frame.command == "MESSAGE"
    assert frame.headers == (("destination", "/a"), ("content-length", "7"))
    assert frame.body == b'{"a":1}'
    assert frame.problems == ()


def test_heart_beats_are_no_frames():
    assert frames_of(b"\n", b"\r\n", b"\n\n\n") == []
    assert [frame.command for frame in frames_of(b"\n" + RECEIPT + b"\n", b"\r\n" + MESSAGE)] == ["RECEIPT", "MESSAGE"]


@given(st.lists(st.integers(0, 200), max_size=8), st.lists(st.sampled_from([MESSAGE, RECEIPT, b"\n"]), max_size=6))
def test_frames_do_not_depend_on_where_the_messages_are_cut(cuts, parts):
    whole = b"".join(parts)
    pieces = [whole[start:end] for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(whole)], strict=True)]
    found = frames_of(*pieces)
    assert [frame.body for frame in found] == [frame.body for frame in frames_of(*parts)]


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_it_bears_anything(texts):
    for frame in frames_of(*texts):
        assert isinstance(frame.command, str)


def test_carriage_returns_belong_to_the_lines():
    (frame,) = frames_of(b"CONNECTED\r\nversion:1.2\r\nheart-beat:0,0\r\n\r\n\0")
    assert frame.headers == (("version", "1.2"), ("heart-beat", "0,0"))


def test_escapes_are_undone_but_not_where_a_connection_begins():
    (frame,) = frames_of(b"MESSAGE\nname:a\\cb\\nc\\\\d\\t\n\n\0")
    assert frame.header("name") == "a:b\nc\\d\\t"
    (frame,) = frames_of(b"CONNECT\nname:a\\cb\n\n\0")
    assert frame.header("name") == "a\\cb"


@pytest.mark.parametrize(
    ("text", "body", "problem"),
    [
        (b'MESSAGE\ncontent-length:3\n\n{"a":1}\0', b'{"a":1}', "its content-length does not fit its body"),
        (b'MESSAGE\ncontent-length:99\n\n{"a":1}\0', b'{"a":1}', "its content-length does not fit its body"),
        (b'MESSAGE\ncontent-length:99\n\n{"a":1}\0\n', b'{"a":1}', "its content-length does not fit its body"),
        (b'MESSAGE\ncontent-length:many\n\n{"a":1}\0', b'{"a":1}', "its content-length is no number"),
        (b'MESSAGE\ncontent-length:-1\n\n{"a":1}\0', b'{"a":1}', "its content-length is no number"),
        (b'MESSAGE\ncontent-length:7\n\n{"a":1}', b'{"a":1}', "the frame has no NUL at its end"),
        (b'MESSAGE\n\n{"a":1}', b'{"a":1}', "the frame is cut off"),
        (b"MESSAGE\ndestination:/a", b"", "the frame is cut off"),
        (b"MESSAGE\ndestination:/a\0", b"", "the frame has no empty line after its headers"),
        (b"MESSAGE\nnonsense\n\n\0", b"", "a line of its headers has no colon"),
        (b"HELLO\na:b\n\n\0", b"HELLO\na:b\n\n", "it begins with no command of STOMP"),
    ],
)
def test_what_breaks_the_rules_is_said(text, body, problem):
    (frame,) = frames_of(text)
    assert (frame.body, frame.problems) == (body, (problem,))


def test_a_frame_without_an_end_ends_where_the_next_begins():
    first, second = frames_of(b'MESSAGE\ndestination:/a\n\n{"a":', MESSAGE)
    assert (first.body, first.problems) == (b'{"a":', ("the frame has no NUL at its end",))
    assert second.problems == ()


def test_a_body_without_a_length_ends_at_the_nul():
    first, second = frames_of(b"MESSAGE\n\n{}\0" + MESSAGE)
    assert (first.body, first.problems) == (b"{}", ())
    assert second.body == b'{"a":1}'


def test_what_never_ends_is_given_up():
    stomp = Stomp()
    assert stomp.receive(b"MESSAGE\n\n" + b"x" * LARGEST)[0].problems == ("the frame is larger than 4 MB",)
    assert stomp.held == 0


def test_many_small_pieces_take_time_in_proportion():
    stomp = Stomp()
    begin = time.thread_time()
    stomp.receive(b"MESSAGE\n" + b"name:value\n" * 10_000 + b"content-length:90000\n\n")
    found = [frame for _ in range(90_000) for frame in stomp.receive(b"x")]
    assert len(found) == 1
    assert len(found[0].body) == 90_000
    assert time.thread_time() - begin < 2


def test_many_frames_without_a_head_take_time_in_proportion():
    begin = time.thread_time()
    found = Stomp().receive(b"A\0" * 20_000)  # each looked for an end of its head in all that follows
    assert len(found) == 20_000
    assert time.thread_time() - begin < 2
