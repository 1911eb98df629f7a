"""One direction of a connection, with all that can happen to its segments."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.capture.net.reassembly import Delivered, Direction, Late, Missing

SECOND = 1_000_000_000
STREAM = bytes(range(256))  # every byte tells where it belongs


def begun(isn=0):
    direction = Direction()
    direction.synchronise(isn)
    return direction


def merged(events):
    """Runs of bytes, and sizes of gaps, in the order that they come in; late bytes are left out."""
    runs = []
    for event in events:
        if isinstance(event, Delivered):
            if runs and isinstance(runs[-1], bytes):
                runs[-1] += event.data
            else:
                runs.append(event.data)
        elif isinstance(event, Missing):
            if runs and isinstance(runs[-1], int):
                runs[-1] += event.size
            else:
                runs.append(event.size)
    return runs


def late(events):
    return b"".join(event.data for event in events if isinstance(event, Late))


def expected_runs(captured, size):
    """What should come out of the stream's first `size` bytes, if only some positions were captured."""
    runs = []
    for position in range(size):
        if position in captured:
            if runs and isinstance(runs[-1], bytes):
                runs[-1] += STREAM[position : position + 1]
            else:
                runs.append(STREAM[position : position + 1])
        elif runs and isinstance(runs[-1], int):
            runs[-1] += 1
        else:
            runs.append(1)
    return runs


pieces = st.lists(
    st.tuples(st.integers(0, 255), st.integers(1, 60)).map(lambda each: (each[0], min(each[0] + each[1], 256))),
    min_size=1,
    max_size=40,
)
isns = st.one_of(st.integers(0, 2**32 - 1), st.integers(2**32 - 300, 2**32 - 1))


def positions(parts):
    return {position for start, end in parts for position in range(start, end)}


@given(isns, pieces)
def test_any_order_any_overlap_any_loss(isn, parts):
    direction = begun(isn)
    events = []
    for start, end in parts:
        events += direction.receive(0, isn + 1 + start & 0xFFFFFFFF, STREAM[start:end])
    direction.finish(0, isn + 1 + 256 & 0xFFFFFFFF)
    before = b"".join(event.data for event in events)
    assert STREAM.startswith(before)  # nothing is given up while nobody acknowledges and no time passes
    events += direction.flush()
    assert merged(events) == expected_runs(positions(parts), 256)
    assert late(events) == b""
    assert not direction.waiting


@given(isns, st.permutations(range(0, 256, 8)), st.sets(st.sampled_from(range(0, 256, 8))), st.data())
def test_bytes_are_neither_lost_nor_doubled_when_holes_are_given_up_early(isn, order, dropped, data):
    direction = begun(isn)
    events = []
    captured = set()
    for packet, start in enumerate(order):
        end = start + data.draw(st.integers(8, 20))
        if start not in dropped:
            part = STREAM[start:end]
            captured |= positions([(start, min(end, 256))])
            events += direction.receive(packet, isn + 1 + start & 0xFFFFFFFF, part)
            if data.draw(st.booleans()):
                events += direction.receive(packet, isn + 1 + start & 0xFFFFFFFF, part)
        if data.draw(st.booleans()):
            direction.acknowledge(packet, isn + 1 + data.draw(st.integers(0, 256)) & 0xFFFFFFFF)
        events += direction.overdue(data.draw(st.sampled_from([packet, packet + 2 * SECOND])), packet)
    direction.finish(0, isn + 1 + 256 & 0xFFFFFFFF)
    events += direction.flush()
    position = 0
    handed_out = bytearray()
    for event in events:
        if isinstance(event, Delivered):
            assert event.data == STREAM[position : position + len(event.data)]
            position += len(event.data)
            handed_out += event.data
        elif isinstance(event, Missing):
            position += event.size
        else:
            assert STREAM.index(event.data) + len(event.data) <= position
            handed_out += event.data
    assert position == 256
    assert sorted(handed_out) == sorted(captured)


@given(isns, st.permutations([(start, start + 8) for start in range(0, 256, 8)]))
def test_a_beginning_in_mid_connection_loses_nothing(isn, order):
    direction = Direction()
    events = []
    for start, end in order:
        for _ in range(2):
            events += direction.receive(0, isn + start & 0xFFFFFFFF, STREAM[start:end])
    events += direction.flush()
    base = order[0][0]
    assert merged(events) == [STREAM[base:]]
    assert sorted(late(events)) == sorted(STREAM[:base])


def test_what_the_other_side_has_already_says_where_the_stream_begins():
    direction = Direction()
    direction.acknowledge(0, 100)
    assert direction.receive(1, 110, b"klm") == []
    assert merged(direction.receive(2, 100, b"abcdefghij")) == [b"abcdefghijklm"]
    assert direction.receive(3, 95, b"12345") == [Late(3, b"12345")]
    assert direction.receive(3, 95, b"12345") == []


def test_the_sequence_number_wraps_and_wraps():
    direction = begun(0xFFFFFFF0)
    seq, size = 0xFFFFFFF1, 1 << 20
    chunk = bytes(size)
    for _ in range(4100):  # once round
        assert direction.receive(0, seq & 0xFFFFFFFF, chunk) == [Delivered(0, chunk)]
        seq += size
    assert direction.receive(0, seq - size & 0xFFFFFFFF, chunk) == []
    assert direction.receive(0, seq + 1 & 0xFFFFFFFF, b"b") == []
    assert merged(direction.receive(0, seq & 0xFFFFFFFF, b"a")) == [b"ab"]


def test_the_first_bytes_win():
    direction = begun(0)
    direction.receive(0, 5, b"EFG")
    assert merged(direction.receive(0, 1, b"abcdXXXh")) == [b"abcdEFGh"]
    assert direction.receive(0, 1, b"abcdXXXh") == []
    assert merged(direction.receive(0, 8, b"Xi")) == [b"i"]


def test_keep_alives_are_no_data():
    direction = begun(0)
    direction.receive(0, 1, b"abc")
    assert direction.receive(0, 3, b"\0", pushed=False) == []
    assert direction.receive(0, 4, b"d") == [Delivered(0, b"d")]


def test_a_capture_may_begin_with_a_keep_alive():
    direction = Direction()
    assert direction.receive(0, 41, b"\0", pushed=False) == []
    assert direction.receive(1, 42, b"abc") == [Delivered(1, b"abc")]
    assert direction.receive(1, 41, b"\0", pushed=False) == []


def test_a_time_is_that_of_the_packet_that_made_bytes_readable():
    direction = begun(0)
    direction.receive(10, 4, b"d")
    assert direction.receive(20, 1, b"abc") == [Delivered(20, b"abc"), Delivered(20, b"d")]


def test_a_hole_is_given_up_eight_packets_after_its_acknowledgement():
    direction = begun(0)
    direction.receive(10, 27, b"late")
    direction.acknowledge(11, 31)
    for packet in range(1, 9):
        assert direction.overdue(11, packet) == []
    assert direction.overdue(11, 9) == [Missing(10, 26, cut_short=False), Delivered(10, b"late")]


def test_a_hole_is_given_up_a_second_after_its_acknowledgement():
    direction = begun(0)
    direction.receive(10, 27, b"late")
    direction.acknowledge(11, 31)
    assert direction.overdue(11, 1) == []
    assert direction.overdue(10 + SECOND, 2) == []
    assert merged(direction.overdue(11 + SECOND, 3)) == [26, b"late"]


def test_a_hole_acknowledged_in_part_is_waited_for():
    direction = begun(0)
    direction.receive(10, 27, b"late")
    direction.acknowledge(11, 20)
    for packet in range(100):
        assert direction.overdue(11 + packet * SECOND // 10, packet) == []
    assert merged(direction.overdue(10 + 30 * SECOND, 101)) == [26, b"late"]


def test_holes_acknowledged_together_are_given_up_together():
    direction = begun(0)
    direction.receive(0, 3, b"c")
    direction.receive(0, 5, b"e")
    direction.acknowledge(0, 6)
    direction.receive(0, 8, b"h")
    assert direction.overdue(0, 1) == []
    assert merged(direction.overdue(0, 9)) == [2, b"c", 1, b"e"]
    assert direction.waiting


def test_bytes_known_from_their_acknowledgement_alone_are_missing():
    direction = begun(0)
    direction.acknowledge(5, 27)
    assert direction.waiting
    assert direction.flush() == [Missing(5, 26, cut_short=False)]


def test_a_fin_tells_of_bytes_before_it():
    direction = begun(0)
    direction.receive(0, 1, b"abc")
    direction.finish(5, 14)
    assert direction.flush() == [Missing(5, 10, cut_short=False)]
    assert direction.receive(9, 4, b"0123456789") == [Late(9, b"0123456789")]


def test_a_hole_after_a_hole_has_a_time_of_its_own():
    direction = begun(0)
    direction.acknowledge(1, 11)
    direction.receive(2, 11, b"abc")
    direction.acknowledge(3, 14)
    direction.acknowledge(4, 24)
    direction.acknowledge(5, 34)
    assert direction.flush() == [
        Missing(2, 10, cut_short=False),
        Delivered(2, b"abc"),
        Missing(4, 20, cut_short=False),
    ]


def test_a_fin_is_no_byte():
    captured, uncaptured, reordered = begun(0), begun(0), begun(0)
    for direction in (captured, uncaptured, reordered):
        direction.receive(0, 1, b"abc")
    captured.finish(1, 4)
    captured.acknowledge(2, 5)
    uncaptured.acknowledge(2, 5)
    reordered.acknowledge(1, 5)
    reordered.finish(2, 4)
    for direction in (captured, uncaptured, reordered):
        assert direction.overdue(100 * SECOND, 100) == []
        assert direction.flush() == []


def test_bytes_that_the_capture_cut_off_are_told_apart():
    direction = begun(0)
    assert direction.receive(0, 1, b"abc", 7) == [Delivered(0, b"abc")]
    direction.receive(1, 16, b"pqr")
    assert direction.flush() == [
        Missing(1, 7, cut_short=True),
        Missing(1, 5, cut_short=False),
        Delivered(1, b"pqr"),
    ]


def test_a_retransmission_brings_what_was_cut_off():
    direction = begun(0)
    direction.receive(0, 1, b"abc", 3)
    direction.receive(0, 1, b"abc", 3)
    assert merged(direction.receive(1, 1, b"abcdefg")) == [b"defg"]
    assert direction.flush() == []


def test_held_bytes_are_bounded():
    direction = begun(0)
    events = []
    for number in range(1025):
        events += direction.receive(0, 11 + number, b"x")
        events += direction.overdue(0, 1)
    assert merged(events) == [10, b"x" * 1025]
    direction.receive(0, 2000, bytes((1 << 20) + 1))
    assert [type(event) for event in direction.overdue(0, 2)] == [Missing, Delivered]


def test_a_clock_set_back_gives_up_too_and_breaks_nothing():
    direction = begun(0)
    direction.receive(1000 * SECOND, 3, b"c")
    assert merged(direction.overdue(10 * SECOND, 2)) == [2, b"c"]
    assert direction.receive(11 * SECOND, 4, b"d") == [Delivered(11 * SECOND, b"d")]


def test_a_number_far_outside_the_window_does_no_harm():
    direction = begun(0)
    assert direction.receive(0, 1 + 2**31, b"stray") == [Late(0, b"stray")]
    direction.acknowledge(0, 1 + 2**25)
    assert direction.receive(1, 1, b"abc") == [Delivered(1, b"abc")]
    assert direction.flush() == []


def test_bytes_handed_out_are_not_held_any_longer():
    direction = begun(0)
    chunk = bytes(1 << 18)
    seq = 1
    for _ in range(8):  # two megabytes held and handed out in all, but never more than 256 KiB at a time
        assert direction.receive(0, seq + 1, chunk) == []
        assert direction.overdue(0, 1) == []
        assert sum(len(event.data) for event in direction.receive(0, seq, b"x")) == len(chunk) + 1
        seq += 1 + len(chunk)


def test_any_number_of_packets_may_be_cut_short():
    direction = begun(0)
    events = []
    for number in range(600):
        events += direction.receive(number, 1 + 10 * number, b"abc", 7)
        events += direction.flush()
    missing = [event for event in events if isinstance(event, Missing)]
    assert missing == [Missing(number, 7, cut_short=True) for number in range(600)]


def test_the_acknowledgement_of_a_fin_is_of_all_before_it():
    direction = begun(0)
    direction.finish(1, 11)
    direction.acknowledge(2, 12)
    assert direction.overdue(2, 1) == []
    assert direction.overdue(3, 9) == [Missing(1, 10, cut_short=False)]


def test_data_with_its_fin_may_come_after_their_acknowledgement():
    direction = begun(0)
    direction.acknowledge(1, 5)
    assert direction.receive(2, 1, b"abc") == [Delivered(2, b"abc")]
    direction.finish(2, 4)
    assert direction.flush() == []


def test_times_after_a_gap_do_not_go_back():
    direction = begun(0)
    direction.receive(30, 3, b"c")
    direction.receive(20, 4, b"d")
    direction.receive(40, 5, b"e")
    assert direction.flush() == [
        Missing(30, 2, cut_short=False),
        Delivered(30, b"c"),
        Delivered(30, b"d"),
        Delivered(40, b"e"),
    ]
