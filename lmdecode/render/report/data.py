"""Turns Records into the data of a report page. Times are milliseconds since 1970."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from itertools import pairwise
from typing import Final

from lmdecode.analysis.activity import ActivityRun
from lmdecode.analysis.brewing import CONTINUOUS
from lmdecode.analysis.memory_history import is_intact
from lmdecode.analysis.pour import Evidence, Shot, What
from lmdecode.analysis.serials import CLOUDS, SerialNumbers, is_account
from lmdecode.analysis.shots import ShotFinder
from lmdecode.analysis.timeline import Interval, Timeline, TimeSeries, Write
from lmdecode.analysis.times import zone_in_force
from lmdecode.analysis.unnamed import Unnamed
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.printable import printable
from lmdecode.codec.record import MASK, Record
from lmdecode.codec.v1.memory_map import PULSE_ML, REGISTERS
from lmdecode.codec.v1.windows import window_name
from lmdecode.render.name_changes import request_text
from lmdecode.render.report.bands import bands_note, bands_of, milliseconds
from lmdecode.render.report.messages import MessageLog, connection_label
from lmdecode.render.sentence import summary, value_text


def summary_of(timeline: Timeline, shots: Sequence[Shot]) -> dict[str, object]:
    """Returns the summary of one machine.

    Args:
        timeline: The machine's.
        shots: Its shots.
    """
    past = [shot for shot in shots if shot.evidence is Evidence.HISTORY]
    shots = [shot for shot in shots if shot.evidence is not Evidence.HISTORY]

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
        "ml": _millilitres(timeline, shots),
        "past": sum(shot.what is What.COFFEE for shot in past),
        "unknown": count(What.UNKNOWN),
        "brewed": _range(brewed),
        "coffee": _range(timeline.series["coffee_temp"].values),
        "steam": _range(timeline.series["steam_temp"].values),
        "set": [value for _, value in timeline.set_points["coffee_set_temp"]][-4:],
        "steam_set": [value for _, value in timeline.set_points["steam_set_temp"]][-4:],
    }


def _millilitres(timeline: Timeline, shots: Sequence[Shot]) -> int | None:
    """Returns how much water flowed, about; None if nothing measured it."""
    heard = {connection.generation for connection in timeline.connections.values()}
    if "v1" not in heard and all(shot.ml is None for shot in shots):
        return None
    return round(sum(shot.ml or 0.0 for shot in shots))


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
    if not len(timeline.series["coffee_temp"]):
        return _said_ready(timeline)
    start = power[0].start_ns
    wanted = next((value for time, value in reversed(steps) if time <= start), steps[0][1]) - 1
    series = timeline.series["coffee_temp"]
    for time, value in zip(series.times, series.values, strict=True):
        if time >= start and value >= wanted:
            return milliseconds(time) - milliseconds(start)
    return None


def _said_ready(timeline: Timeline) -> int | None:
    """Returns how long it took until the coffee boiler's word was Ready; None if that was not seen."""
    standby, power = timeline.bands["standby"], timeline.bands["power"]
    if not standby or not power or standby[0].end_ns != power[0].start_ns:
        return None
    start = power[0].start_ns
    for interval in timeline.words.intervals.get("coffee_boiler_status", ()):
        if interval.word == "Ready" and interval.start_ns >= start:
            return milliseconds(interval.start_ns) - milliseconds(start)
    return None


def _range(values: Sequence[float]) -> list[float] | None:
    return [min(values), max(values)] if values else None


_MOST_NAMES: Final = 500  # without a field that a page shows
_GENERATIONS: Final[Mapping[str, str]] = {
    "v1": "on port 1774",
    "v3": "on port 8081",
    "bluetooth": "by Bluetooth",
    "cloud1": "through the older cloud",
    "lion": "through the cloud",
}
"""By protocol: how the machine was heard."""
_VIA: Final[Mapping[str, str]] = {"v3": "gateway", "bluetooth": "Bluetooth", "cloud1": "older cloud", "lion": "cloud"}
_FACTS: Final = (
    ("", "machine_name"),
    ("", "model"),
    ("serial ", "machine_ser_num"),
    ("", "module_ser_num"),
    ("firmware ", "firmware_ver"),
    ("gateway ", "gateway_ver"),
)


class ReportBuilder:
    """Takes records and makes the data of a report."""

    def __init__(self) -> None:
        self._timelines: dict[str, Timeline] = {}
        self._names = SerialNumbers()
        self._accounts: set[str] = set()
        self._shots = ShotFinder()
        self._messages = MessageLog()

    def add(self, record: Record, *, shown: bool = True) -> None:
        """Takes the next record.

        Args:
            record: The record.
            shown: Whether it is of a time that the report is about. Of other times only the state counts, and the end
                of a shot.
        """
        name = self._names.of(record)
        renamed = self._names.renamed
        if renamed is not None and renamed.before in self._timelines and name not in self._timelines:
            self._timelines[name] = self._timelines.pop(renamed.before)
        if is_account(record):
            self._accounts.add(name)
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
                for name, timeline in self._in_order()
                if timeline.connections and not empty
            ],
            "messages": self._messages.as_data(),
        }

    def _in_order(self) -> Iterator[tuple[str, Timeline]]:
        """Yields the machines; then what was said to the cloud about no machine, if it is worth a page of its own."""
        machines = {name: each for name, each in self._timelines.items() if name not in self._accounts}
        yield from machines.items()
        for name in self._accounts:
            if not machines or self._timelines[name].problem_count:
                yield name, self._timelines[name]


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
        "bands": list(bands_of(timeline)),
        "bands_note": bands_note(timeline),
        "shots": [_shot(shot) for shot in shots],
        "writes": [_write(write) for write in timeline.writes],
        "problems": [
            {
                "time": milliseconds(problem.time_ns),
                "stream": connection_label(problem.connection, problem.generation),
                "sender": "cloud" if problem.sender == "machine" and problem.generation in CLOUDS else problem.sender,
                "texts": [printable(text) for text in problem.texts],
            }
            for problem in timeline.problems
        ],
        "problem_count": timeline.problem_count,
        "connections": [connection_label(each.connection, each.generation) for each in connections],
        "memory": [run._asdict() for run in runs],
        "registers": list(_registers(runs)),
        "unnamed": [_unnamed(each) for each in list(timeline.unnamed)[:_MOST_NAMES]],
        "newer": any(connection.generation != "v1" for connection in connections),
    }


def _unnamed(found: Unnamed) -> dict[str, object]:
    return {
        "via": _VIA.get(found.generation, found.generation),
        "path": printable(found.path),
        "count": found.count,
        "changes": found.changes,
        "last": printable(found.last),
        "list": found.is_list,
    }


def _facts(name: str, timeline: Timeline) -> Iterator[str]:
    values = timeline.values
    facts = [
        label + printable(value)
        for label, register in _FACTS
        if isinstance(value := values.get(register), str) and value and value != name
    ]
    yield from dict.fromkeys(facts)
    yield printable(name)
    spoken = dict.fromkeys(connection.generation for connection in timeline.connections.values())
    if set(spoken) != {"v1"}:
        yield "heard " + " and ".join(_GENERATIONS.get(each, each) for each in spoken)


def _series(series: TimeSeries) -> dict[str, object]:
    """Returns times as steps from one to the next and values in tenths, which halves the size."""
    points = series.points()
    times = [milliseconds(time) for time, _ in points]
    return {
        "times": [*times[:1], *(later - earlier for earlier, later in pairwise(times))],
        "values": [None if value is None else round(value * 10) for _, value in points],
    }


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
        **({"unit": shot.dose_unit} if shot.dose_unit is not None else {}),
        **({"past": True} if shot.evidence is Evidence.HISTORY else {}),
        **({"paddle": True} if shot.generation != "v1" and shot.key == CONTINUOUS else {}),
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
        "stream": connection_label(request.connection, request.generation),
        "text": text or request_text(request),
        "ok": write.ok,
        **({"queued": True} if write.is_answered and write.ok is None else {}),
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
