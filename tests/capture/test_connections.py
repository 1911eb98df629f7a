"""Connections told apart and decoded, with all that a capture can do to them."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.capture.connections import Connections, _Connection
from lmdecode.capture.net.packet import ACK, FIN, PSH, RST, SYN, Endpoint, Segment
from lmdecode.codec.dialect import RECORDS, Place, Simple, Tallies, Tally
from lmdecode.codec.v1 import speakers_with
from tests.capture.building import (
    APP,
    ASK,
    MACHINE,
    SECOND,
    Talk,
    decode,
    ethernet,
    message,
    new_decoder,
    packets,
    pcap,
    report,
    seal,
    talk,
    told,
)

LATE = "out of order: these bytes belong before others that were decoded already"


def run(segments, port=1774):
    """All Records, and the Connections that gave them."""
    connections = Connections(RECORDS, speakers_with(new_decoder(), port), Tallies())
    records = [record for segment in segments for record in connections.receive(segment)]
    return [*records, *connections.close()], connections


def texts(records):
    return [record.plaintext for record in records]


def problems(records):
    return [problem for record in records for problem in record.problems]


def reports(*numbers):
    return [report(number) for number in numbers]


def test_a_whole_connection():
    records, connections = run(talk(3).segments)
    assert told(records) == [("app", ASK), *(("machine", each) for each in reports(0, 1, 2))]
    assert problems(records) == []
    assert connections.count == 1


def test_frames_split_anywhere_and_joined():
    stream = b"".join(seal(each) for each in reports(*range(5)))
    for size in (1, 7, 45, 100, len(stream)):
        made = Talk().open()
        for start in range(0, len(stream), size):
            made.send("machine", stream[start : start + size])
        assert texts(run(made.close().segments)[0]) == reports(*range(5))


def test_retransmissions_are_said_once():
    segments = talk(3).segments
    doubled = [segment for segment in segments for _ in range(2)]
    assert told(run(doubled)[0]) == told(run(segments)[0])
    assert told(run(segments + segments[3:])[0]) == told(run(segments)[0])  # all of it again, after the end


@given(st.data())
def test_packets_out_of_order_by_a_few(data):
    segments = talk(12).segments
    keys = [index + data.draw(st.integers(0, 6)) for index in range(len(segments))]
    keys[0], keys[1] = -2, -1  # both SYNs, from which the streams' beginnings are known
    shuffled = [segment for _, segment in sorted(zip(keys, segments, strict=True), key=lambda pair: pair[0])]
    # Shuffled as the times are not: those of the packets stay as they were.
    records, connections = run(shuffled)
    for sender in ("app", "machine"):
        assert [each for each in told(records) if each[0] == sender] == [
            each for each in told(run(segments)[0]) if each[0] == sender
        ]
    assert problems(records) == []
    assert connections.count == 1


@settings(max_examples=50)
@given(st.data())
def test_packets_lost_leave_exactly_their_gaps(data):
    made = Talk().open().send("app", seal(ASK))
    for number in range(40):
        made.send("machine", seal(report(number)))
    segments = made.close().segments
    payloads = [index for index, segment in enumerate(segments) if segment.payload and index > 4]
    dropped = data.draw(st.sets(st.sampled_from(payloads), max_size=20))
    one_sided = data.draw(st.booleans())
    seen = [
        segment
        for index, segment in enumerate(segments)
        if index not in dropped and not (one_sided and segment.source == APP)
    ]
    records, _ = run(seen)
    size = len(seal(report(0)))
    expected = []
    run_length = 0
    for index in payloads:
        if index in dropped:
            run_length += 1
            continue
        if run_length:
            expected.append(f"gap: {run_length * size} bytes are not in the capture")
        run_length = 0
        expected.append(report(payloads.index(index)))
    if run_length:
        expected.append(f"gap: {run_length * size} bytes are not in the capture")
    from_machine = [record for record in records if record.sender == "machine"]
    assert [record.plaintext or record.problems[0] for record in from_machine] == expected
    times = [record.time_ns for record in from_machine]
    assert times == sorted(times)
    from_app = [record.plaintext or record.problems[0] for record in records if record.sender == "app"]
    assert from_app == [f"gap: {len(seal(ASK))} bytes are not in the capture" if one_sided else ASK]


def test_half_a_frame_before_a_gap_is_shown():
    whole = seal(report(1))
    made = Talk().open().send("machine", whole[:20]).send("machine", whole[20:]).send("machine", seal(report(2)))
    segments = [segment for segment in made.close().segments if segment.payload != whole[20:]]
    records, connections = run(segments)
    assert problems(records) == [
        "20 bytes that belong to no whole frame",
        f"gap: {len(whole) - 20} bytes are not in the capture",
    ]
    assert records[0].raw == whole[:20]
    assert texts(records) == [None, None, report(2)]
    assert connections._tallies.total().bytes_missing == len(whole) - 20


def test_a_gap_that_is_acknowledged_does_not_hold_up_the_rest():
    made = Talk().open().send("machine", seal(report(1))).send("machine", seal(report(2)))
    for number in range(3, 20):
        made.send("machine", seal(report(number)))
    segments = [segment for segment in made.segments if segment.payload != seal(report(1))]
    connections = Connections(RECORDS, speakers_with(new_decoder(), 1774), Tallies())
    came = [texts(connections.receive(segment)) for segment in segments]
    assert sum(map(len, came)) == 19
    assert next(index for index, each in enumerate(came) if each) <= 13
    assert list(connections.close()) == []


def test_a_gap_at_the_very_end_is_told():
    made = talk(2)
    segments = [segment for segment in made.segments if segment.payload != seal(report(1))]
    size = len(seal(report(1)))
    for end in (segments, [segment for segment in segments if not segment.flags & FIN][:-1]):
        assert problems(run(end)[0]) == [f"gap: {size} bytes are not in the capture"]


def test_bytes_after_their_gap_was_given_up_are_not_lost():
    made = Talk().open()
    for number in range(12):
        made.send("machine", seal(report(number)))
    lost = [segment for segment in made.segments if segment.payload == seal(report(3))]
    segments = [segment for segment in made.segments if segment not in lost]
    records, _ = run([*segments, *lost, *lost])
    assert texts(records)[-1] == report(3)
    assert records[-1].problems == (LATE,)
    assert Counter(texts(records))[report(3)] == 1
    assert problems(records).count(f"gap: {len(lost[0].payload)} bytes are not in the capture") == 1


def test_a_capture_that_begins_in_the_middle():
    segments = talk(5).segments
    for start in range(3, 14):
        records, connections = run(segments[start:])
        expected = [each for each in told(run(segments)[0]) if seal(each[1]) in {s.payload for s in segments[start:]}]
        assert told(records) == expected
        assert problems(records) == []
        assert connections.count == 1


@given(st.permutations(range(6)))
def test_a_capture_that_begins_in_the_middle_out_of_order(order):
    made = Talk()
    for number in range(6):
        made.send("machine", seal(report(number)), acked=False)
    records, _ = run([made.segments[index] for index in order])
    assert sorted(texts(records)) == sorted(reports(*range(6)))
    late = [text for text, record in zip(texts(records), records, strict=True) if LATE in record.problems]
    assert sorted(late) == sorted(reports(*range(order[0])))
    in_order = [text for text in texts(records) if text not in late]
    assert in_order == reports(*range(order[0], 6))


@pytest.mark.parametrize("seqs", [(0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFF0, 0xFFFFFF80), (0xFFFFFFFE, 0)])
def test_sequence_numbers_wrap(seqs):
    records, connections = run(talk(5, seqs=seqs).segments)
    assert told(records) == told(run(talk(5).segments)[0])
    assert problems(records) == []
    assert connections.count == 1


@pytest.mark.parametrize("skipped", [0, 1], ids=["SYN", "SYN-ACK only"])
@pytest.mark.parametrize("closed", [True, False])
def test_a_port_used_again_is_another_connection(skipped, closed):
    first = talk(2) if closed else Talk().open().send("machine", seal(report(0))).send("machine", seal(report(1)))
    second = Talk(seqs=(2_000_000_000, 3_000_000_000), time_ns=first.time_ns + SECOND)
    second.open().send("machine", seal(report(7)))
    records, connections = run([*first.segments, *second.segments[skipped:]])
    assert connections.count == 2
    assert [(record.stream, record.plaintext) for record in records][-2:] == [(0, report(1)), (1, report(7))]
    assert problems(records) == []


def test_what_was_held_back_comes_out_when_the_port_is_used_again():
    first = Talk().open().send("machine", seal(report(0))[:10])
    second = Talk(seqs=(2_000_000_000, 3_000_000_000), time_ns=first.time_ns + SECOND).open()
    connections = Connections(RECORDS, speakers_with(new_decoder(), 1774), Tallies())
    for segment in first.segments:
        assert connections.receive(segment) == []
    (record,) = connections.receive(second.segments[0])
    assert record.stream == 0
    assert record.raw == seal(report(0))[:10]
    assert "the connection ended inside this frame" in record.problems


def test_the_same_syn_again_is_the_same_connection():
    segments = talk(2).segments
    syn, answer = segments[:2]
    records, connections = run([syn, syn, answer, answer, *segments[2:5], syn, answer, *segments[5:]])
    assert connections.count == 1
    assert told(records) == told(run(segments)[0])


@pytest.mark.parametrize("order", [(1, 0), (1, 2, 0), (1, 2, 3, 0), (2, 3, 0, 1)])
def test_a_syn_captured_after_what_follows_it_is_no_new_connection(order):
    segments = talk(2).segments
    shuffled = [segments[index] for index in order] + [s for s in segments if s not in [segments[i] for i in order]]
    records, connections = run(shuffled)
    assert connections.count == 1
    assert texts(records) == [ASK, *reports(0, 1)]
    assert problems(records) == []


def test_after_a_reset_retransmissions_still_belong_to_the_connection():
    made = talk(2)
    made.segments = made.segments[:-3]
    made.add("app", RST, b"go away")
    retransmitted = next(segment for segment in made.segments if segment.payload == seal(report(1)))
    records, connections = run([*made.segments, retransmitted])
    assert connections.count == 1
    assert texts(records) == [ASK, *reports(0, 1)]
    assert problems(records) == []


def test_connections_long_closed_are_forgotten_and_idle_ones_are_not():
    closed = talk(1)
    idle = Talk(app=APP._replace(port=40000)).open().send("machine", seal(report(5))[:10])
    other = Talk(app=APP._replace(port=40001), time_ns=closed.time_ns + 120 * SECOND).open()
    idle.idle(300).send("machine", seal(report(5))[10:])
    connections = Connections(RECORDS, speakers_with(new_decoder(), 1774), Tallies())
    for segment in [*idle.segments[:-2], *closed.segments]:  # the idle one first: it must not be in the way
        connections.receive(segment)
    assert len(connections._live) == 2
    for segment in other.segments:
        connections.receive(segment)
    assert len(connections._live) == 2
    assert texts(connections.receive(idle.segments[-2])) == reports(5)
    assert connections.count == 3


def test_live_connections_are_bounded_and_none_loses_what_it_holds():
    connections = Connections(RECORDS, speakers_with(new_decoder(), 1774), Tallies())
    records = []
    for number in range(5000):
        source = Endpoint(f"10.0.{number >> 8}.{number & 255}", 40000)
        records += connections.receive(Segment(number, source, MACHINE, PSH | ACK, number << 20, 1, b"@held"))
    assert len(connections._live) == 4096
    assert [record.stream for record in records] == list(range(5000 - 4096))
    assert all(record.raw == b"@held" for record in records)
    assert sum(1 for _ in connections.close()) == 4096


@pytest.mark.parametrize(
    ("segment", "app"),
    [
        (Segment(0, Endpoint("a", 9), Endpoint("m", 1774), SYN, 1, 0, b""), "a:9"),
        (Segment(0, Endpoint("m", 1774), Endpoint("a", 9), ACK, 1, 0, b""), "a:9"),
        (Segment(0, Endpoint("a", 1774), Endpoint("m", 1774), SYN, 1, 0, b""), "a:1774"),
        (Segment(0, Endpoint("m", 1774), Endpoint("a", 1774), SYN | ACK, 1, 0, b""), "a:1774"),
        (Segment(0, Endpoint("a", 1774), Endpoint("m", 1774), ACK, 1, 0, b""), "a:1774"),
    ],
)
def test_which_side_is_the_machine(segment, app):
    machine = str(Endpoint("m", 1774))
    data = segment._replace(flags=PSH | ACK, seq=segment.seq + bool(segment.flags & SYN), payload=seal(report(1)))
    back = data._replace(source=data.destination, destination=data.source)
    records, _ = run([segment, data, back])
    assert {(record.source, record.sender) for record in records} == {(app, "app"), (machine, "machine")}


def test_streams_are_numbered_by_their_first_packet():
    first, second = Talk(app=APP._replace(port=1)).open(), Talk(app=APP._replace(port=2)).open()
    second.send("machine", seal(report(2)))
    first.send("machine", seal(report(1)))
    records, _ = run([first.segments[0], *second.segments, *first.segments[1:]])
    assert [(record.stream, record.plaintext) for record in records] == [(1, report(2)), (0, report(1))]


def test_keep_alives_say_nothing():
    made = Talk().open().send("machine", seal(report(1)))
    last = made.segments[-2]
    alive = last._replace(flags=ACK, seq=last.seq + len(last.payload) - 1)
    made.send("machine", seal(report(2)))
    for probe in (alive._replace(payload=b""), alive._replace(payload=b"\0")):
        segments = [*made.segments[:-2], probe, probe, *made.segments[-2:]]
        records, _ = run(segments)
        assert texts(records) == reports(1, 2)
        assert problems(records) == []


def test_clocks_may_go_back():
    segments = talk(6).segments
    confused = [
        segment._replace(time_ns=(-1) ** index * index * 1000 * SECOND) for index, segment in enumerate(segments)
    ]
    records, connections = run(confused)
    assert told(records) == told(run(segments)[0])
    assert connections.count == 1
    holes = [segment for segment in confused if segment.payload != seal(report(2))]
    assert Counter(texts(run(holes)[0])) == Counter([ASK, None, *reports(0, 1, 3, 4, 5)])


def test_only_one_direction_was_captured():
    segments = [segment for segment in talk(5).segments if segment.source == MACHINE]
    records, connections = run(segments)
    assert [text for text in texts(records) if text] == reports(*range(5))
    # The machine acknowledged the app's request and FIN, so that is known to be missing; the FIN is no byte.
    assert [(record.sender, record.problems) for record in records if record.problems] == [
        ("app", (f"gap: {len(seal(ASK))} bytes are not in the capture",))
    ]
    assert connections.count == 1
    requests = [segment for segment in talk(0).segments if segment.source == APP]
    assert told(run(requests)[0]) == [("app", ASK)]


def test_what_nobody_captured_but_the_other_side_has_is_told():
    made = Talk().open().send("app", seal(ASK)).send("app", seal(message("R0000001F"))).send("machine", seal(report(1)))
    seen = [segment for segment in made.segments if segment.source == MACHINE or not segment.payload]
    records, _ = run(seen)
    size = len(seal(ASK)) + len(seal(message("R0000001F")))
    assert problems(records) == [f"gap: {size} bytes are not in the capture"]
    assert [record.sender for record in records if record.problems] == ["app"]
    assert report(1) in texts(records)


def test_after_thirty_seconds_a_gap_is_a_gap_though_nobody_acknowledges():
    made = Talk().send("machine", seal(report(0)), acked=False).send("machine", seal(report(1)), acked=False)
    made.send("machine", seal(report(2)), acked=False).idle(31).send("machine", seal(report(3)), acked=False)
    segments = made.segments
    connections = Connections(RECORDS, speakers_with(new_decoder(), 1774), Tallies())
    came = [texts(connections.receive(segments[index])) for index in (0, 2, 3)]
    assert came == [reports(0), [], [None, *reports(2, 3)]]


def test_the_snap_length_leaves_gaps_with_that_reason(tmp_path):
    segments = talk(3).segments
    header = len(ethernet(segments[0]))
    records, _, tally = decode(tmp_path / "x", pcap(packets(segments), snap=header + 10))
    cut = [len(segment.payload) - 10 for segment in segments if segment.payload]
    assert [problem for problem in problems(records) if problem.startswith("packet")] == [
        f"packet cut short by the capture: {size} bytes are missing (capture with -s 0)" for size in cut
    ]
    assert tally.bytes_missing == sum(cut)
    assert [record.raw for record in records if record.raw] == [
        segment.payload[:10] for segment in segments if segment.payload
    ]


def test_a_retransmission_brings_what_the_snap_length_cut_off():
    segments = talk(1).segments
    whole = segments[5]
    cut = whole._replace(payload=whole.payload[:10], missing=len(whole.payload) - 10)
    records, _ = run([*segments[:5], cut, whole, *segments[6:]])
    assert texts(records) == [ASK, report(0)]
    assert problems(records) == []


def test_one_byte_is_said_in_the_singular():
    made = Talk().open().send("app", seal(ASK)).send("machine", seal(report(0)))
    payload = made.segments[-2].payload
    made.segments[-2] = made.segments[-2]._replace(payload=payload[:-1], missing=1)
    assert "packet cut short by the capture: 1 byte is missing (capture with -s 0)" in problems(run(made.segments)[0])


segments_of_any_kind = st.builds(
    Segment,
    st.integers(-(10**18), 10**19),
    st.sampled_from([APP, MACHINE]),
    st.sampled_from([APP, MACHINE, Endpoint("x", 1774)]),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1) | st.integers(0, 200),
    st.integers(0, 2**32 - 1) | st.integers(0, 200),
    st.binary(max_size=20) | st.just(seal(report(1))),
    st.integers(0, 3),
)


@given(st.lists(segments_of_any_kind, max_size=30))
def test_no_segments_break_it(segments):
    segments = [segment for segment in segments if segment.source != segment.destination]
    records, connections = run(segments)
    assert connections.count <= len(segments)
    assert all(record.problems or record.plaintext for record in records)


def test_a_connection_tried_again_after_a_reset_is_not_forgotten():
    made = Talk().open()
    syn = made.segments[0]
    reset = syn._replace(source=MACHINE, destination=APP, flags=RST | ACK)
    made.idle(120).send("machine", seal(report(1)))
    other = Talk(app=APP._replace(port=40000), time_ns=made.time_ns - SECOND).open()
    records, connections = run([syn, reset, syn, *made.segments[1:3], *other.segments, *made.segments[3:]])
    assert [(record.stream, record.plaintext) for record in records] == [(0, report(1))]
    assert connections.count == 2


def test_a_payload_that_the_snap_length_cut_off_whole():
    made = Talk().open().send("app", seal(ASK)).send("machine", seal(report(0)))
    size = len(seal(report(0)))
    made.segments[-2] = made.segments[-2]._replace(payload=b"", missing=size)
    del made.segments[-1]  # so that nothing else tells of it
    records, _ = run(made.segments)
    assert problems(records) == [f"packet cut short by the capture: {size} bytes are missing (capture with -s 0)"]


def test_what_ended_is_gone_without_a_look_for_cycles():
    # Programs that decode look for cycles seldom. Each generation has its own way to take the pieces of a stream.
    conversations = [
        speakers_with(new_decoder()).conversation(1774, RECORDS, Place(), Tallies()),
        Simple(lambda *_: None).conversation(RECORDS, Place(), Tally()),
    ]
    ended = [_Connection(each, APP, MACHINE, 0, 0) for each in conversations]
    left = [*map(weakref.ref, conversations)]
    gc.disable()
    try:
        del conversations, ended
        assert [each() for each in left] == [None, None]
    finally:
        gc.enable()


def test_a_machine_that_talks_to_itself_does_not_end_the_decode():
    frames = [seal(each) for each in reports(*range(100))]
    positions = accumulate(map(len, frames), initial=1000)
    segments = [
        Segment(number, MACHINE, MACHINE, ACK | PSH, seq, 7, each)
        for number, (seq, each) in enumerate(zip(positions, frames, strict=False))
    ]
    connections = Connections(RECORDS, speakers_with(new_decoder()), Tallies())
    made = connections.receive_all(segments, [None] * len(segments))
    assert texts([*made, *connections.close()]).count(report(99)) == 1
