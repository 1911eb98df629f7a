"""What a report says first: when the machine was on, how much coffee there was, how hot it got."""

from __future__ import annotations

from collections.abc import Sequence

from lmdecode.analysis.shot import Evidence, Shot, What
from lmdecode.analysis.timeline import Interval, Timeline

__all__ = ["milliseconds", "summary_of"]


def milliseconds(time_ns: int) -> int:
    """Nanoseconds in whole milliseconds, as browsers count time.

    >>> milliseconds(1_795_229_755_174_158_000)
    1795229755174
    """
    return time_ns // 1_000_000


def summary_of(timeline: Timeline, shots: Sequence[Shot]) -> dict[str, object]:
    """One machine's summary.

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
    """From, to, and whether it was seen to be switched off then; one stretch over times in which nobody was there."""
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
    """Milliseconds from switching on until the coffee boiler was within a degree of its set point, if that was seen."""
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
