"""A conversation that a capture has twice is said once, and two that only look alike are both said."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lmdecode.capture.connections import Connections
from lmdecode.capture.copies import _Recent
from lmdecode.capture.net.packet import ACK, PSH, Endpoint
from lmdecode.codec.dialect import RECORDS, Tallies
from lmdecode.codec.v1 import speakers_with
from tests.capture.building import APP, ASK, MACHINE, SECOND, Talk, message, new_decoder, report, seal, talk

OUTSIDE = Endpoint("203.0.113.9", APP.port)
"""The app as it looks behind address translation, with the port that it had."""
FORWARDED = Endpoint("10.9.9.9", MACHINE.port)


def run(segments):
    connections = Connections(RECORDS, speakers_with(new_decoder(), 1774), Tallies())
    records = [record for segment in segments for record in connections.receive(segment)]
    return [*records, *connections.close()], connections


def said(records):
    return [(record.sender, record.plaintext) for record in records]


def translated(segments, lag_ns=1000, app=OUTSIDE, machine=MACHINE):
    """The same segments at the other side of a router."""
    ends = {APP: app, MACHINE: machine}
    return [
        each._replace(time_ns=each.time_ns + lag_ns, source=ends[each.source], destination=ends[each.destination])
        for each in segments
    ]


def merged(*captures):
    return sorted((each for capture in captures for each in capture), key=lambda each: each.time_ns)


def in_the_order_of_a_router(segments):
    """The app's segments are seen inside first, the machine's outside first."""
    pairs = zip(segments, translated(segments), strict=True)
    return [
        each for inside, outside in pairs for each in ((inside, outside) if inside.source == APP else (outside, inside))
    ]


def test_both_sides_of_a_router():
    once = talk(5).segments
    records, connections = run(in_the_order_of_a_router(once))
    assert said(records) == said(run(once)[0])
    assert {record.stream for record in records} == {0}
    assert {record.problems for record in records} == {()}
    assert connections.count == 1
    (note,) = connections.notes()
    assert note.startswith("1 connection was captured twice")
    assert str(OUTSIDE) in note


def test_the_machine_may_speak_first():
    made = Talk().open()
    for number in range(5):
        made.send("machine", seal(report(number)))
    once = made.close().segments
    records, connections = run(in_the_order_of_a_router(once))
    assert said(records) == said(run(once)[0])
    assert connections.count == 1


LAGS = st.sampled_from([0, 1000, 50_000_000, SECOND, 9 * SECOND])


@given(
    LAGS,
    st.sampled_from([APP, OUTSIDE]),
    st.sampled_from([MACHINE, FORWARDED]),
    st.integers(0, 6),
    st.booleans(),
)
@example(9 * SECOND, APP, MACHINE, 0, True)
@example(0, OUTSIDE, FORWARDED, 3, False)
def test_a_copy_is_said_once_however_late_it_is(lag_ns, app, machine, begin, is_whole):
    """Also one that was merged from a recorder whose clock is seconds behind, and one without its beginning."""
    once = talk(6).segments
    copy = translated(once, lag_ns, app, machine)
    records, connections = run(merged(once, copy if is_whole else copy[begin:]))
    assert said(records) == said(run(once)[0])
    assert connections.count == 1


@given(st.lists(st.booleans(), min_size=40, max_size=40), st.sampled_from([1000, 3_000_000]))
def test_a_packet_that_one_place_lost_comes_from_the_other(lost, lag_ns):
    """Each segment is at one of the places at least, and both have the handshake."""
    once = talk(6).segments
    inside = [each for number, each in enumerate(once) if number < 5 or not lost[number]]
    outside = [each for number, each in enumerate(translated(once, lag_ns)) if number < 5 or lost[number] or number % 2]
    records, connections = run(merged(inside, outside))
    assert {*said(records)} - {("app", None), ("machine", None)} == {*said(run(once)[0])}
    assert len([each for each in records if each.plaintext]) == len(run(once)[0])
    assert connections.count == 1


@pytest.mark.parametrize("app", [APP, OUTSIDE])
@pytest.mark.parametrize("lag_ns", [0, 1000, 3600 * SECOND])
def test_a_capture_twice_in_a_file_is_decoded_twice(lag_ns, app):
    """`cat a.pcap a.pcap` goes back in time, and a replay comes an hour later: both stand there twice."""
    once = talk(6).segments
    records, connections = run([*once, *translated(once, lag_ns, app)])
    assert said(records) == 2 * said(run(once)[0])
    assert [record.stream for record in records] == [0] * (len(records) // 2) + [1] * (len(records) // 2)
    assert connections.count == 2
    assert connections.notes()[0].startswith("1 connection repeats the ports and sequence numbers of an earlier one")


def test_each_repetition_is_counted_once():
    once = talk(6).segments
    records, connections = run(5 * once)
    assert said(records) == 5 * said(run(once)[0])
    assert connections.notes()[0].startswith("4 connections repeat the ports and sequence numbers of an earlier one")


def test_segments_may_be_put_together_at_one_place():
    """Network cards hand a recorder several segments as one."""
    frames = [seal(report(number)) for number in range(4)]
    one_by_one = Talk().open()
    for frame in frames:
        one_by_one.send("machine", frame, acked=False)
    together = Talk().open().send("machine", b"".join(frames), acked=False)
    records, connections = run(merged(one_by_one.segments, translated(together.segments, 100_000_000)))
    assert [record.plaintext for record in records] == [report(number) for number in range(4)]
    assert connections.count == 1


def other_talk(*numbers, app=OUTSIDE, machine=MACHINE):
    """A connection with the same first numbers as every other one here, as simple network stacks have them."""
    made = Talk(app, machine).open().send("app", seal(ASK))
    for number in numbers:
        made.send("machine", seal(report(number)))
    return made.close().segments


@given(st.booleans(), st.permutations(range(60)))
def test_two_that_say_something_else_are_both_said(is_interleaved, order):
    first, second = talk(5).segments, other_talk(70, 71, 72)
    if is_interleaved:
        ranks = {place: rank for rank, place in enumerate(order)}
        places = sorted(range(len(first) + len(second)), key=lambda place: ranks.get(place, place))
        from_first, from_second = iter(first), iter(second)
        segments = [next(from_first if place < len(first) else from_second) for place in places]
    else:
        segments = [*first, *second]
    records, connections = run(segments)
    for app, once in ((APP, first), (OUTSIDE, second)):
        own = [each for each in records if str(app) in (each.source, each.destination)]
        assert said(own) == said(run(once)[0])
    assert connections.count == 2
    assert not any("captured twice" in note for note in connections.notes())


def test_a_side_that_was_not_compared_makes_no_copy():
    """The app asks the same on both, with the same numbers, and the second machine answers before the first does."""
    first, second = talk(5).segments, other_talk(70, 71, 72)
    from_first, from_second = iter(first), iter(second)
    turns = "21111112211111111121122222122222"
    segments = [next(from_first if turn == "1" else from_second) for turn in turns]
    records, connections = run(segments)
    assert len(records) == len(run(first)[0]) + len(run(second)[0])
    assert connections.count == 2


def test_another_port_is_another_connection_and_the_user_is_told():
    """A proxy makes a connection of its own, and two apps can say the same: it is not for us to choose."""
    once = talk(6).segments
    proxied = translated(once, app=Endpoint("192.168.1.2", APP.port + 1))
    records, connections = run(merged(once, proxied))
    assert len(records) == 2 * len(run(once)[0])
    assert connections.count == 2
    (note,) = connections.notes()
    assert note.startswith("connections 0 and 1 began with the same data at the same time")
    assert note.endswith("record with the filter 'tcp port 1774 and host 192.168.1.150'")


def test_an_app_may_ask_for_much_before_the_first_answer():
    made = Talk().open()
    for _ in range(9):
        made.send("app", seal(ASK))
    for number in range(9):
        made.send("machine", seal(report(number)))
    once = made.close().segments
    _, connections = run(merged(once, translated(once, app=Endpoint("192.168.1.2", APP.port + 1))))
    assert connections.notes()[0].startswith("connections 0 and 1 began with the same data at the same time")


def test_a_pause_behind_the_handshake_does_not_make_two_of_one():
    made = Talk().open().idle(60).send("app", seal(ASK))
    for number in range(3):
        made.send("machine", seal(report(number)))
    records, connections = run(in_the_order_of_a_router(made.segments))
    assert said(records) == said(run(made.segments)[0])
    assert connections.count == 1


def test_handshakes_alone_are_counted_once():
    handshake = Talk().open().segments
    records, connections = run(merged(handshake, translated(handshake)))
    assert records == []
    assert connections.count == 1


def test_a_new_connection_behind_a_translated_address_is_one():
    """The ports are used again: what was a copy's is a new connection's now, and has a copy of its own."""
    first = in_the_order_of_a_router(talk(3).segments)
    later = Talk(seqs=(5_000_000, 6_000_000), time_ns=first[-1].time_ns + SECOND).open().send("app", seal(ASK))
    for number in range(10, 14):
        later.send("machine", seal(report(number)))
    second = in_the_order_of_a_router(later.close().segments)
    records, connections = run([*first, *second])
    assert said(records) == [*said(run(talk(3).segments)[0]), *said(run(later.segments)[0])]
    assert connections.count == 2


def test_a_thousand_suspects_take_no_longer_each_than_a_few():
    """What looks like copies and is none, from everywhere: nothing is lost, and the work for each stays the same."""
    frame = seal(message("R40000020"))
    segments = [
        each
        for number in range(1000)
        for each in translated(
            Talk().open().send("app", frame, acked=False).add("machine", PSH | ACK, seal(report(number))).segments,
            lag_ns=number,
            app=Endpoint(f"10.1.{number >> 8}.{number & 255}", APP.port),
        )
    ]
    records, connections = run(segments)
    assert len(records) == 2000
    assert connections.count == 1000


def test_what_was_looked_up_is_looked_up_anew_when_more_came():
    recent = _Recent()
    segments = talk().segments
    for segment in segments:  # each list may have the address of an earlier one, which is gone
        recent.extend([segment])
        if segment.payload and segment.seq % 2:
            assert recent.at(segment) == segment
    assert [recent.at(each) for each in segments if each.payload] == [each for each in segments if each.payload]
