"""What is made of a faultless message is what is made of its Record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.record import Record
from lmdecode.codec.v1._fast import RECORDS, window_of
from lmdecode.codec.v1.conversation import ConversationOf
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from lmdecode.render.records.jsonl import Lines, json_line
from tests.codec.v1.samples import KEY_BYTES, SAMPLES, frame

KEY = Key(KEY_BYTES)
TIMES = st.integers(-(2**62), 2**62) | st.integers(1_795_229_750, 1_795_229_760).map(
    lambda second: second * 10**9 + 1000
)


@given(
    time_ns=TIMES | TIMES.map(lambda time_ns: time_ns // 1000 * 1000),
    sample=st.sampled_from(SAMPLES),
    role=st.sampled_from(["request", "response", "report"]),
    elapsed=st.none() | st.floats(0, 10) | st.sampled_from([0.0, 1e-9, 0.00001, 3e-7]),
    machine=st.none() | st.just("kitchen"),
    as_json=st.booleans(),
)
def test_a_line_is_that_of_the_record(time_ns, sample, role, elapsed, machine, as_json):  # noqa: PLR0917 -- strategies
    (found,) = FrameDecoder(KEY).foresee([frame(sample.plaintext)], as_json=as_json)
    if found is None:
        return
    text, fields, _ = found
    made = []
    lines = Lines()
    for make in (RECORDS, lines, lines):  # the second time the second of the message is known
        same = make.same(7, "machine", "[::1]:1774", "b:2", window_of(text[:9]), role)
        made.append(make.faultless(time_ns, same, text, fields, elapsed, machine))
    record, line, again = made
    assert type(record) is Record
    assert (record.time_ns, record.stream, record.destination, record.role) == (time_ns, 7, "b:2", role)
    assert (record.plaintext, record.elapsed, record.machine) == (text, elapsed, machine)
    assert record.fields == sample.fields
    assert line == again == json_line(record) == lines.record(record)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.plaintext[:9].decode())
def test_each_message_is_made_of_once(sample):
    piece = frame(sample.plaintext)
    conversation = ConversationOf(Lines(), FrameDecoder(KEY), stream=3)
    (found,) = FrameDecoder(KEY).foresee([piece], as_json=True)
    lines = [*conversation.receive(10**18, "app", piece, found), *conversation.receive(10**18, "app", piece)]
    assert lines[0] == lines[1]
    assert '"stream":3' in lines[0]
    assert conversation.tally.messages == 2
