"""Turns Records into the data of a report page. Times are milliseconds since 1970."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from itertools import pairwise
from typing import Final

from lmdecode.analysis.memory_history import is_intact, machine_of
from lmdecode.analysis.pour import Evidence, Shot, What
from lmdecode.analysis.shots import ShotFinder
from lmdecode.analysis.timeline import ActivityRun, Interval, Timeline, TimeSeries, Write
from lmdecode.analysis.times import zone_in_force
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.printable import printable
from lmdecode.codec.record import MASK, Record
from lmdecode.codec.v1.memory_map import PULSE_ML, REGISTERS
from lmdecode.codec.v1.windows import window_name
from lmdecode.render.report.messages import MessageLog, connection_label
from lmdecode.render.sentence import summary, value_text


def milliseconds(time_ns: int) -> int:
    """Returns nanoseconds in whole milliseconds, as browsers count time.

    >>> milliseconds(1_795_229_755_174_158_000)
    1795229755174
    """
    return time_ns // 1_000_000


def summary_of(timeline: Timeline, shots: Sequence[Shot]) -> dict[str, object]:
    """Returns the summary of one machine.

    Args:
        timeline: The machine's.
        shots: Its shots.
    """

    def count(*kinds: What) -> int:
        return sum(shot.count for shot in shots if shot.what in kinds)

    brewed = [
        temperature
        for shot in shots
        if shot.what is What.COFFEE and shot.evidence is Evidence.FLOW
        for temperature in (shot.coffee_temp_start, shot.coffee_temp_end)
        if temperature is not None
    ]
    return {
        "on": _switched_on(timeline),
        "ready": _ready(timeline),
        "coffees": count(What.COFFEE),
        "flushes": count(What.FLUSH),
        "hot_waters": count(What.HOT_WATER),
        "backflushes": count(What.BACKFLUSH),
        "unseen": sum(shot.count for shot in shots if shot.what is What.COFFEE and shot.evidence is Evidence.COUNTER),
        "ml": round(sum(shot.ml or 0.0 for shot in shots)),
        "brewed": _range(brewed),
        "coffee": _range(timeline.series["coffee_temp"].values),
        "steam": _range(timeline.series["steam_temp"].values),
        "set": [value for _, value in timeline.set_points["coffee_set_temp"]][-4:],
        "steam_set": [value for _, value in timeline.set_points["steam_set_temp"]][-4:],
    }


def _switched_on(timeline: Timeline) -> list[list[object]]:
    """Returns when the machine was on: from, to, and whether it was seen to switch off.

    Times without a connection do not end a stretch.
    """
    standby = [interval.start_ns for interval in timeline.bands["standby"]]
    joined: list[Interval] = []
    for interval in timeline.bands["power"]:
        if joined and not any(joined[-1].end_ns <= time <= interval.start_ns for time in standby):
            joined[-1] = Interval(joined[-1].start_ns, interval.end_ns)
        else:
            joined.append(interval)
    return [
        [
            milliseconds(interval.start_ns),
            milliseconds(interval.end_ns),
            any(time >= interval.end_ns for time in standby),
        ]
        for interval in joined
    ]


def _ready(timeline: Timeline) -> int | None:
    """Returns how long the coffee boiler took to come within a degree of its set point; None if that was not seen."""
    standby, power = timeline.bands["standby"], timeline.bands["power"]
    steps = timeline.set_points["coffee_set_temp"]
    if not standby or not power or not steps or standby[0].end_ns != power[0].start_ns:
        return None
    start = power[0].start_ns
    wanted = next((value for time, value in reversed(steps) if time <= start), steps[0][1]) - 1
    series = timeline.series["coffee_temp"]
    for time, value in zip(series.times, series.values, strict=True):
        if time >= start and value >= wanted:
            return milliseconds(time) - milliseconds(start)
    return None


def _range(values: Sequence[float]) -> list[float] | None:
    return [min(values), max(values)] if values else None


_WATCHED: Final = ("app connected", "connected")
_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "power": ("switched on", "on"),
    "coffee_heater_on": ("coffee heater", "coffee"),
    "steam_heater_on": ("steam heater", "steam"),
    "pump_on": ("pump", "pump"),
    "brew_solenoid_on": ("group valve", "coffee"),
    "hot_water_solenoid_on": ("hot-water valve", "hot-water"),
    "boiler_fill_solenoid_on": ("boiler fill valve", "steam"),
    "reservoir_empty": ("reservoir empty", "bad"),
}
"""By band: its label, and its colour in page.css."""


class ReportBuilder:
    """Takes records and makes the data of a report."""

    def __init__(self) -> None:
        self._timelines: dict[str, Timeline] = {}
        self._shots = ShotFinder()
        self._messages = MessageLog()

    def add(self, record: Record, *, shown: bool = True) -> None:
        """Takes the next record.

        Args:
            record: The record.
            shown: Whether it is of a time that the report is about. Of other times only the state counts, and the end
                of a shot.
        """
        name = machine_of(record)
        timeline = self._timelines.get(name)
        if timeline is None:
            timeline = self._timelines[name] = Timeline()
        self._shots.add(record)
        if shown:
            timeline.add(record)
            self._messages.add(record)
        else:
            timeline.overhear(record)

    def as_data(
        self,
        title: str,
        files: Sequence[str],
        notices: Sequence[str],
        *,
        empty: bool,
        is_shown: Callable[[int], bool] | None = None,
    ) -> dict[str, object]:
        """Returns the data of the page.

        Args:
            title: Its headline.
            files: The captures' names.
            notices: What is wrong with the captures, a line each.
            empty: Whether nothing in them could be decoded, so that there is nothing else to show.
            is_shown: Returns whether the report is about a time, in nanoseconds since 1970; None: about all.
        """
        shots = [shot for shot in self._shots.shots() if is_shown is None or is_shown(shot.order)]
        for timeline in self._timelines.values():
            timeline.finish()
        return {
            "title": printable(title),
            "files": [printable(name) for name in files],
            "notices": [printable(notice) for notice in notices],
            "utc": zone_in_force() == UTC,
            "pulse_ml": PULSE_ML,
            "machines": [
                _machine(name, timeline, [shot for shot in shots if shot.machine == name])
                for name, timeline in self._timelines.items()
                if timeline.connections and not empty
            ],
            "messages": self._messages.as_data(),
        }


def _machine(name: str, timeline: Timeline, shots: Sequence[Shot]) -> dict[str, object]:
    connections = list(timeline.connections.values())
    runs = list(timeline.activity.runs())
    return {
        "name": printable(name),
        "facts": list(_facts(name, timeline)),
        "first": milliseconds(min(connection.first_ns for connection in connections)),
        "last": milliseconds(max(connection.last_ns for connection in connections)),
        "message_count": sum(connection.messages for connection in connections),
        "power_known": "power" in timeline.watched,
        "summary": summary_of(timeline, shots),
        "series": {series_name: _series(series) for series_name, series in timeline.series.items()},
        "set_points": {
            set_name: [[milliseconds(time), value] for time, value in steps]
            for set_name, steps in timeline.set_points.items()
        },
        "bands": list(_bands(timeline)),
        "bands_note": _bands_note(timeline),
        "shots": [_shot(shot) for shot in shots],
        "writes": [_write(write) for write in timeline.writes],
        "problems": [
            {
                "time": milliseconds(problem.time_ns),
                "stream": connection_label(problem.connection),
                "sender": problem.sender,
                "texts": [printable(text) for text in problem.texts],
            }
            for problem in timeline.problems
        ],
        "problem_count": timeline.problem_count,
        "connections": [connection_label(connection.connection) for connection in connections],
        "memory": [run._asdict() for run in runs],
        "registers": list(_registers(runs)),
    }


def _facts(name: str, timeline: Timeline) -> Iterator[str]:
    values = timeline.values
    for label, register in (("", "machine_name"), ("serial ", "machine_ser_num"), ("firmware ", "firmware_ver")):
        value = values.get(register)
        if isinstance(value, str) and value:
            yield label + printable(value)
    yield printable(name)


def _series(series: TimeSeries) -> dict[str, object]:
    """Returns times as steps from one to the next and values in tenths, which halves the size."""
    points = series.points()
    times = [milliseconds(time) for time, _ in points]
    return {
        "times": [*times[:1], *(later - earlier for earlier, later in pairwise(times))],
        "values": [None if value is None else round(value * 10) for _, value in points],
    }


def _bands(timeline: Timeline) -> Iterator[dict[str, object]]:
    label, color = _WATCHED
    connected = [[milliseconds(each.first_ns), milliseconds(each.last_ns)] for each in timeline.connections.values()]
    yield {"label": label, "color": color, "intervals": connected}
    for name, (label, color) in _LABELS.items():
        intervals = timeline.bands[name]
        if intervals or (name in timeline.watched and name == "power"):
            yield {
                "label": label,
                "color": color,
                "intervals": [
                    [milliseconds(interval.start_ns), milliseconds(interval.end_ns)] for interval in intervals
                ],
            }


def _bands_note(timeline: Timeline) -> str:
    polled = {name for name in timeline.watched if name.endswith("_on")}
    if not polled:
        return ""
    return (
        "Heaters, pump and valves are as each status answer had them, until the next one: what switches in between "
        "does not show. The water is as the machine reports it while it flows."
    )


def _shot(shot: Shot) -> dict[str, object]:
    return {
        "what": shot.what.value,
        "key": shot.key,
        "count": shot.count,
        "start": None if shot.start_ns is None else milliseconds(shot.start_ns),
        "end": None if shot.end_ns is None else milliseconds(shot.end_ns),
        "after": None if shot.after_ns is None else milliseconds(shot.after_ns),
        "before": None if shot.before_ns is None else milliseconds(shot.before_ns),
        "seconds": shot.seconds,
        "pulses": shot.pulses,
        "ml": shot.ml,
        "dose": shot.dose,
        "set": shot.set_temp,
        "coffee_temp_start": shot.coffee_temp_start,
        "coffee_temp_end": shot.coffee_temp_end,
        "cut": shot.cut,
        "notes": list(shot.notes),
        "samples": list(_samples(shot)),
    }


def _samples(shot: Shot) -> Iterator[list[float]]:
    for sample in shot.samples:
        if sample.pulses is not None and shot.start_ns is not None:
            yield [round((sample.time_ns - shot.start_ns) / 1e9, 2), sample.pulses]


def _write(write: Write) -> dict[str, object]:
    request = write.request
    fields = summary(request.fields) if is_intact(request) else ()
    text = ", ".join(f"{name} {text}" for name, text in fields)
    if not text and request.address is not None:
        text = f"{request.address:04X}+{request.length} {request.data or ''}".rstrip()
    return {
        "time": milliseconds(request.time_ns),
        "stream": connection_label(request.connection),
        "text": text or request.subject or "",
        "ok": write.ok,
    }


def _registers(runs: Sequence[ActivityRun]) -> Iterator[dict[str, object]]:
    """Yields the registers that were seen, each with its value at the end."""
    for run in runs:
        for row in REGISTERS:
            if run.address <= row.address and row.end <= run.address + len(run.seen):
                start = 2 * (row.address - run.address)
                digits = run.last[start : start + 2 * row.size]
                name = row.name or window_name(row.address, row.size) or "nobody knows what this is"
                text = None
                if row.name is not None and MASK not in digits:
                    try:
                        text = value_text(row.name, row.type.decode(bytes.fromhex(digits)))
                    except RegisterError as error:
                        text = printable(str(error))
                yield {"address": row.address, "size": row.size, "name": name, "value": text}
