from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.activity import Activity
from lmdecode.analysis.timeline import Timeline, TimeSeries
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.message import Message
from tests.analysis import newer
from tests.analysis.tape import KEY, START_NS, Tape

SECOND = 1_000_000_000


def timeline(tape: Tape) -> Timeline:
    made = Timeline()
    for record in tape.records:
        made.add(record)
    made.finish()
    return made


def test_temperatures_and_what_was_set():
    tape = Tape()
    tape.read("configuration")
    tape.wait(10)
    tape.write("coffee_set_temp", 92.0)
    tape.write("coffee_set_temp", 120.0)  # refused
    made = timeline(tape)
    assert len(made.series["coffee_temp"]) == 4  # of ten reports, every third
    assert [value for _, value in made.set_points["coffee_set_temp"]] == [96.2, 92.0]
    assert [(write.request.fields["coffee_set_temp"], write.ok) for write in made.writes] == [
        (92.0, True),
        (120.0, False),
    ]
    assert made.set_points["coffee_set_temp"][1][0] > made.writes[0].request.time_ns  # when it was taken, not asked for


def test_what_was_on_ends_where_nobody_listens():
    tape = Tape()
    tape.read("status")
    tape.wait(20)
    tape.away(300)
    tape.connect()
    tape.read("status")
    tape.wait(10)
    tape.machine.physics.switch(on=False)
    tape.read("status")
    made = timeline(tape)
    lengths = [round((end - start) / SECOND) for start, end in made.bands["power"]]
    assert lengths == [20, 10]
    assert made.bands["power"][1].start_ns - made.bands["power"][0].end_ns == 300 * SECOND + 30_000_000
    assert [len(made.bands[name]) for name in ("standby", "reservoir_empty", "pump_on")] == [1, 0, 0]
    assert list(made.connections) == [(None, 0), (None, 1)]


def test_problems_and_a_write_without_an_answer():
    tape = Tape()
    tape.hear("machine", b"@nonsense, but as long as a frame%")
    request = Message(Kind.WRITE, 0x0000, 1, b"\x01")
    from lmdecode.simulator.faults import frame

    tape.hear("app", frame(KEY, request))
    made = timeline(tape)
    assert [(write.request.fields["power"], write.ok) for write in made.writes] == [(True, None)]
    assert len(made.problems) == 1
    assert made.problems[0].sender == "machine"


def test_of_very_many_problems_the_first_are_kept_and_all_counted():
    tape = Tape()
    for _ in range(700):
        tape.hear("machine", b"@nonsense, but as long as a frame%")
    made = timeline(tape)
    assert (len(made.problems), made.problem_count) == (500, 700)


def test_memory_counts_what_was_said_and_what_changed():
    tape = Tape()
    for _ in range(3):
        tape.read("clock")
        tape.wait(0.5)
        tape.seconds += 0.47
        tape.machine.advance(0.5)
    activity = Activity()
    for record in tape.records:
        activity.add(record)
    (clock,) = (run for run in activity.runs() if run.address == 0x0300)
    assert len(clock.seen) == 7
    assert clock.seen[0] >= 3
    assert clock.changed[0] == 2  # the second
    assert clock.changed[6] == 0  # the year
    assert len(clock.last) == 14


def test_a_secret_is_counted_but_not_kept():
    tape = Tape()
    tape.ask(Message(Kind.READ, 0x0111, 0x10))
    activity = Activity()
    for record in tape.records:
        activity.add(record)
    (run,) = activity.runs()
    assert (run.address, run.seen[0], run.last) == (0x0111, 1, "**" * 0x10)
    assert FrameDecoder(KEY).show_secrets is False


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 3 * SECOND) | st.sampled_from([SECOND, 500 * SECOND]), st.integers(-50, 1500)),
        max_size=300,
    ),
    limit=st.integers(8, 400),
)
def test_no_peak_is_lost_and_no_point_made_up(steps: list[tuple[int, int]], limit: int) -> None:
    series, now = TimeSeries(), START_NS
    for step, value in steps:
        now += step
        series.add(now, value / 10)
    points = series.points(limit)
    real = {point for point in points if point[1] is not None}
    assert real <= set(zip(series.times, series.values, strict=True))
    assert [time for time, _ in points] == sorted(time for time, _ in points)
    if steps:
        values = [value for _, value in real]
        assert (min(values), max(values)) == (min(series.values), max(series.values))
        assert {series.times[0], series.times[-1]} <= {time for time, _ in real}
    gaps = sum(value is None for _, value in points)
    assert len(real) <= max(limit * 2, 8) + 4 * (gaps + 1)


def test_what_comes_late_is_put_where_it_belongs():
    series = TimeSeries()
    for time, value in ((10, 1.0), (30, 3.0), (20, 2.0), (5, 0.5)):
        series.add(time, value)
    assert list(series.times) == [5, 10, 20, 30]
    assert list(series.values) == [0.5, 1.0, 2.0, 3.0]


def test_a_part_of_the_time_knows_what_was_before():
    tape = Tape()
    tape.read("configuration")
    tape.write("coffee_set_temp", 92.0)
    tape.wait(10)
    middle = tape.records[-1].time_ns + 1
    tape.read("status")
    tape.wait(10)
    whole, part = timeline(tape), Timeline()
    for record in tape.records:
        (part.overhear if record.time_ns < middle else part.add)(record)
    part.finish()
    assert part.writes == []
    first = next(record.time_ns for record in tape.records if record.time_ns >= middle)
    assert part.set_points["coffee_set_temp"] == [(first, 92.0)]
    assert part.values == whole.values
    assert [each.first_ns for each in part.connections.values()] == [first]
    for name in ("coffee_temp", "steam_temp"):
        series = whole.series[name]
        assert list(part.series[name].times) == [time_ns for time_ns in series.times if time_ns >= middle]
    for name, intervals in part.bands.items():
        expected = [(max(each.start_ns, first), each.end_ns) for each in whole.bands[name] if each.end_ns >= first]
        assert intervals == expected, name
    assert sum(sum(run.seen) for run in part.activity.runs()) < sum(sum(run.seen) for run in whole.activity.runs())


def test_times_apart_end_where_they_end():
    tape = Tape()
    tape.read("status")
    tape.wait(40)
    start_ns, end_ns = tape.records[0].time_ns, tape.records[-1].time_ns
    shown = [
        record.time_ns - start_ns < 10 * SECOND or end_ns - record.time_ns < 10 * SECOND for record in tape.records
    ]
    part = Timeline()
    for record, is_shown in zip(tape.records, shown, strict=True):
        (part.add if is_shown else part.overhear)(record)
    part.finish()
    for intervals in part.bands.values():
        assert all(each.start_ns - start_ns < 10 * SECOND or end_ns - each.start_ns < 10 * SECOND for each in intervals)
        assert all(each.end_ns - each.start_ns < 10 * SECOND for each in intervals)


def test_a_temperature_that_is_pushed_when_it_changes_holds_while_somebody_listens():
    timeline = Timeline()
    records = [newer.pushed(second, "bluetooth", {"coffee_temp": 90.0 + second}) for second in range(3)]
    records += [newer.pushed(400, "bluetooth", {"coffee_temp": 95.0}), newer.pushed(500, "bluetooth", {"new": 1})]
    records += [newer.pushed(900, "bluetooth", {"coffee_temp": 60.0}, stream=1)]
    records += [newer.pushed(1000, "bluetooth", {"power": False}, stream=1)]
    records += [newer.pushed(2000, "bluetooth", {"power": False}, stream=1)]
    for record in records:
        timeline.add(record)
    timeline.finish()
    points = [((time - newer.START_NS) / 1e9, value) for time, value in timeline.series["coffee_temp"].points()]
    assert points == [
        (0, 90.0), (1, 91.0), (2, 92.0), (399.999, 92.0), (400, 95.0), (500, 95.0),
        (500.001, None), (900, 60.0), (1000, 60.0),
    ]  # fmt: skip
