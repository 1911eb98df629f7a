"""What a sink makes of a clean message is what it makes of the message's Record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.dialect import RECORDS, Place
from lmdecode.codec.record import Record
from lmdecode.codec.v1._fast import clean_sink
from lmdecode.codec.v1.conversation import ConversationInto
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from lmdecode.render.records.jsonl import JsonLines, json_line
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
    fields_as=st.sampled_from(["values", "json"]),
    capture=st.none() | st.sampled_from(["a.pcap", '"\\é']),
)
def test_a_line_is_that_of_the_record(time_ns, sample, role, elapsed, machine, fields_as, capture):  # noqa: PLR0917 -- strategies
    piece, decoder, lines, made = [frame(sample.plaintext)], FrameDecoder(KEY), JsonLines(), []
    place = Place(7, "b:2", "[::1]:1774", capture)
    for sink in (clean_sink(RECORDS), lines, lines):  # the second time the second of the message is known
        (found,) = decoder.predecode(piece, fields_as=fields_as if sink is lines else "values")
        if found is None:
            return
        text, fields, problems, _, _, window = found
        prepared = sink.prepare_window(place, "machine", window, role)
        made.append(sink.on_clean_message(time_ns, prepared, text, fields, problems, elapsed, machine, None))
    record, line, again = made
    assert type(record) is Record
    assert (record.time_ns, record.stream, record.destination, record.role) == (time_ns, 7, "b:2", role)
    assert (record.plaintext, record.elapsed, record.machine) == (text, elapsed, machine)
    assert (record.capture, record.generation) == (capture, "v1")
    assert sample.is_in(record.fields)
    assert record.problems == problems
    assert line == again == json_line(record) == lines.record(record)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.plaintext[:9].decode())
def test_each_message_is_made_of_once(sample):
    piece = frame(sample.plaintext)
    conversation = ConversationInto(JsonLines(), FrameDecoder(KEY), Place(3))
    (found,) = FrameDecoder(KEY).predecode([piece], fields_as="json")
    lines = [*conversation.receive(10**18, "app", piece, found), *conversation.receive(10**18, "app", piece)]
    assert lines[0] == lines[1]
    assert '"stream":3' in lines[0]
    assert conversation.tally.messages == 2
