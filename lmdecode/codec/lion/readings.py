"""What the documents of the cloud say in our names: dashboards, pushes, settings, statistics, commands.

Their members are described by several sources of the vocabulary. A widget is `{code, index, output}`, where the index
is that of a boiler or a group; the names of fields are those of the first. What has no row is kept whole, so that a
widget that is new is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from lmdecode.codec.vocabulary import Reading, read
from lmdecode.codec.web_records import Reader

_WIDGET_MEMBERS: Final = frozenset(("code", "index", "output", "tutorialUrl"))
_OF_ALL_ANSWERS: Final = ("push", "scheduling", "thing")
"""The sources that are tried for what the source of an answer does not know: all answers begin with the thing."""
NO_WATER: Final = "CMNoWater"
"""The widget that is there while the tank is empty."""
_LISTS: Final = ("widgets", "removedWidgets", "selectedWidgets")


def thing(value: object) -> Reading:
    """Return what is said of a thing: a machine or a grinder."""
    return _read_by(("thing", "push"), value)


def dashboard(value: object) -> Reading:
    """Return what a dashboard says, or a push: its widgets, and what is said of the thing."""
    if not isinstance(value, dict):
        return thing(value)
    shown = widgets(value.get("widgets"))
    rest = {name: each for name, each in value.items() if name not in _LISTS}
    reading = _joined(shown, _read_by(_OF_ALL_ANSWERS, rest))
    if NO_WATER in removed(value) and "water_reservoir_contact" not in reading.fields:
        reading.fields["water_reservoir_contact"] = True
    return reading


def settings(value: object) -> Reading:
    """Return what the settings say."""
    return _read_by(("settings", *_OF_ALL_ANSWERS), value)


def scheduling(value: object) -> Reading:
    """Return what the schedules say."""
    return _read_by(("scheduling", *_OF_ALL_ANSWERS), value)


def statistics(value: object) -> Reading:
    """Return what the statistics say."""
    if not isinstance(value, dict):
        return thing(value)
    rest = {name: each for name, each in value.items() if name != "selectedWidgets"}
    return _joined(widgets(value.get("selectedWidgets"), "statistics"), _read_by(("statistics", "thing"), rest))


def statistic(code: str) -> Reader:
    """Return what reads the answer about one widget of the statistics."""

    def reading(value: object) -> Reading:
        if not isinstance(value, dict) or "output" not in value:
            return thing(value)
        rest = {name: each for name, each in value.items() if name not in _WIDGET_MEMBERS}
        here = {name: each for name, each in value.items() if name in _WIDGET_MEMBERS}
        return _joined(widgets([{"code": code, **here}], "statistics"), _read_by(("thing",), rest))

    return reading


def command(name: str) -> Reader:
    """Return what reads the body of a command: the values that were asked for."""

    def reading(value: object) -> Reading:
        fields, extra, problems = read("lion command", {name: [value]})
        return Reading(fields, _without_name(value, extra), problems)

    return reading


def commands(value: object) -> Reading:
    """Return what is said of commands: the list that answers one, or that of a push."""
    if not isinstance(value, list):
        return Reading({}, value if isinstance(value, dict) else {"value": value}, ())
    return _read_by(("push",), {"commands": value})


def widgets(value: object, source: str = "widget") -> Reading:
    """Return what widgets say.

    Args:
        value: The list of them, whatever came.
        source: The vocabulary's source of their outputs.
    """
    if not isinstance(value, list):
        return Reading({}, {} if value is None else {"widgets": value}, ())
    outputs: dict[str, object] = {}
    extra: dict[str, object] = {}
    for number, each in enumerate(value):
        code = each.get("code") if isinstance(each, dict) else None
        if not isinstance(code, str) or "output" not in each:
            extra[f"widgets[{number}]"] = each
            continue
        index = each.get("index")
        if index in (1, None) and code not in outputs:
            outputs[code] = each["output"]
        else:
            name = f"{code}#{index}"
            extra[name if name not in extra else f"widgets[{number}]"] = each["output"]
        extra.update((f"{code}.{name}", more) for name, more in each.items() if name not in _WIDGET_MEMBERS)
    found = read(source, outputs)
    return found._replace(extra={**found.extra, **extra})


def removed(value: Mapping[str, object]) -> frozenset[str]:
    """Return the codes of the widgets that a push says are not shown."""
    listed = value.get("removedWidgets")
    return frozenset(
        each["code"]
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and isinstance(each.get("code"), str) and each.get("index") in (1, None)
    )


def codes(value: Mapping[str, object]) -> frozenset[str]:
    """Return the codes of the widgets that a dashboard shows."""
    listed = value.get("widgets")
    return frozenset(
        each["code"]
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and isinstance(each.get("code"), str)
    )


def _read_by(sources: Iterable[str], value: object) -> Reading:
    """Return what a document says, each source being asked for what those before it do not know."""
    found = Reading({}, {}, ())
    if not isinstance(value, dict):
        return Reading({}, {"value": value}, ())
    itself = value
    for source in sources:
        fields, extra, problems = read(source, value)
        found = Reading({**fields, **found.fields}, {**found.extra, **extra}, (*found.problems, *problems))
        value = {name: value[name] for name in extra if name in value}
        for name in value:
            del found.extra[name]
    if "coffeeStation" in value:
        value["coffeeStation"] = _without_copies(value["coffeeStation"], itself)
    found.extra.update(value)
    return found


def _without_copies(station: object, itself: Mapping[str, object]) -> object:
    """Return what a station says that its thing does not say itself: the machine in it is the same thing again."""
    machine = station.get("coffeeMachine") if isinstance(station, dict) else None
    if not isinstance(station, dict) or not isinstance(machine, dict):
        return station
    other = {name: each for name, each in machine.items() if name not in itself or itself[name] != each}
    says = read("thing", other)
    rest = {name: each for name, each in station.items() if name != "coffeeMachine"}
    return {**rest, "coffeeMachine": other} if says.fields or says.extra or says.problems else rest


def _joined(one: Reading, other: Reading) -> Reading:
    return Reading({**other.fields, **one.fields}, {**other.extra, **one.extra}, (*one.problems, *other.problems))


def _without_name(value: object, extra: Mapping[str, object]) -> dict[str, object]:
    """Return what a command has no rows for, by the paths within its body."""
    found: dict[str, object] = {}
    for path, each in extra.items():
        _, _, below = path.partition("].")
        if below:
            found[below] = each
        else:
            found.update(value if isinstance(value, dict) else {} if value is None else {"value": value})
    return found
