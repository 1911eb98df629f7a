"""The log of pylamarzocco as owners have it: whatever was done to the lines, the messages are the same."""

from __future__ import annotations

import io
import json
from datetime import datetime

import pytest

from lmdecode.capture import CaptureStatistics
from lmdecode.capture.formats import debug_log
from lmdecode.capture.formats.debug_log import read_log
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.record import Kind
from lmdecode.codec.speakers import Speakers

TOKEN = "0123456789abcdef" * 4
DASHBOARD = {
    "serialNumber": "MR012345",
    "modelName": "LINEA MICRA",
    "connected": True,
    "bleAuthToken": TOKEN,
    "widgets": [
        {
            "code": "CMCoffeeBoiler",
            "index": 1,
            "output": {"status": "Ready", "enabled": True, "targetTemperature": 93.0, "readyStartTime": None},
            "tutorialUrl": "https://www.lamarzocco.com/it/en/app/support/",
        }
    ],
    "runningCommands": [],
}
PUSH = {"connected": True, "removedWidgets": [], "widgets": DASHBOARD["widgets"], "commands": [], "uuid": "0a"}
HEADER = "2026-11-21 07:01:{:02}.{:03} DEBUG (MainThread) [pylamarzocco.{}] {}"
URL = "https://lion.lamarzocco.io/api/customer-app/things"


def frame(body=PUSH):
    text = json.dumps(body, separators=(",", ":"))
    head = f"MESSAGE\ndestination:/ws/sn/MR012345/dashboard\ncontent-length:{len(text)}\n\n"
    return f"{head}{text}\0"


def websocket(text):
    return f"WSMessage(type=<WSMsgType.TEXT: 1>, data={text!r}, extra='')"


def answer(path, body):
    cloud = "clients._cloud"
    return [(cloud, f"Request to {URL}{path} successful"), (cloud, f"Response: {body}")]


SAID = [
    ("clients._cloud", "Getting new access token"),
    *answer("/MR012345/dashboard", DASHBOARD),
    ("clients._cloud", f"Received websocket message: {websocket(frame())}"),
    ("devices._machine", "Sending command set_power over cloud with params {'enabled': True}"),
    *answer("/MR012345/command/CoffeeMachineChangeMode", [{"id": "1", "status": "Pending", "errorCode": None}]),
]


def lines_of(said=SAID):
    return [HEADER.format(number, 137 * number % 1000, *each) for number, each in enumerate(said)]


def joined(lines, end="\n"):
    return "".join(f"{line}{end}" for line in lines).encode()


def read(data, *, show_secrets=False):
    class File(io.BytesIO):
        name = "x.log"

    statistics = CaptureStatistics()
    speakers = Speakers.open(OwnerAccess(show_secrets=show_secrets))
    return list(read_log(io.BufferedReader(File(data)), statistics, None, speakers)), statistics


@pytest.mark.parametrize(
    ("name", "said", "fields"),
    [
        (
            "ChangeMode",
            "set_power over cloud with params {'enabled': False, 'serial_number': 'MR012345'}",
            {"power": False},
        ),
        (
            "SettingCoffeeBoilerTargetTemperature",
            "set_temp over cloud with params {'target_temperature': 94.0, 'serial_number': 'MR012345'}",
            {"coffee_set_temp": 94.0},
        ),
        (
            "SettingSteamBoilerTargetLevel",
            "set_temp over cloud with params {'target_level': <SteamTargetLevel.LEVEL_3: 'Level3'>}",
            {"steam_level": 3},
        ),
        (
            "SettingSteamBoilerEnabled",
            "set_steam over cloud with params {'enabled': True}",
            {"steam_boiler_enable": True},
        ),
        (
            "SettingSmartStandBy",
            "set_smart_standby over cloud with params {'minutes': 30, 'after': <After.LAST_BREW: 'LastBrewing'>}",
            {"smart_standby_minutes": 30, "smart_standby_after": "LastBrewing"},
        ),
        ("ChangeMode", "set_power over cloud with params", {}),
        ("New", "set_new over cloud with params {'enabled': True}", {}),
    ],
)
def test_what_a_command_was_to_do_becomes_fields(name, said, fields):
    answered = answer(f"/MR012345/command/CoffeeMachine{name}", [{"id": "1", "status": "Pending", "errorCode": None}])
    records, _ = read(joined(lines_of([("devices._machine", f"Sending command {said}"), *answered])))
    assert [(each.role, each.fields) for each in records] == [
        ("request", fields),
        ("response", {"command_status": "Pending"}),
    ]
    assert list(records[0].extra) == [said.split()[0]]
    assert records[1].request is records[0]


def test_all_that_the_lines_tell():
    records, statistics = read(joined(lines_of()))
    assert [(each.sender, each.kind, each.role) for each in records] == [
        ("app", Kind.READ, "request"),
        ("machine", Kind.READ, "response"),
        ("machine", Kind.STREAM, "report"),
        ("app", Kind.WRITE, "request"),
        ("machine", Kind.WRITE, "response"),
    ]
    ask, dashboard, push, command, taken = records
    assert ask.subject == "GET /api/customer-app/things/MR012345/dashboard"
    assert (ask.source, ask.destination) == ("app", "lion.lamarzocco.io:443")
    assert json.loads(dashboard.plaintext)["widgets"] == DASHBOARD["widgets"]
    assert (dashboard.request, dashboard.elapsed) == (ask, None)
    assert frame().partition("\n\n")[2].rstrip("\0") in push.plaintext
    assert command.subject == "POST /api/customer-app/things/MR012345/command/CoffeeMachineChangeMode"
    assert command.extra["set_power"] == {"enabled": True}
    assert taken.kind is Kind.WRITE
    assert {each.generation for each in records} == {"lion"}
    assert statistics.notes == ["the log's times have no zone, and were taken as UTC"]


def test_the_token_is_masked():
    data = joined(lines_of())
    records, _ = read(data)
    assert TOKEN not in str(records)
    assert TOKEN in str(read(data, show_secrets=True)[0])


def brewing(since_ms, coffee_ms=None):
    """A push while coffee flows, or after it."""
    coffee = None if coffee_ms is None else {"time": coffee_ms, "extractionSeconds": 25.6}
    status = "PoweredOn" if since_ms is None else "Brewing"
    output = {"status": status, "brewingStartTime": since_ms, "lastCoffee": coffee}
    return frame({**PUSH, "widgets": [{"code": "CMMachineStatus", "index": 1, "output": output}]})


def moment(clock):
    return int(datetime.fromisoformat(f"2026-11-21T{clock}+00:00").timestamp() * 1000)


def clocked(*pushes):
    said = [*SAID, *(("clients._cloud", f"Received websocket message: {websocket(each)}") for each in pushes)]
    return joined(lines_of(said))


@pytest.mark.parametrize(
    ("start", "first", "clock"),
    [
        ("06:01:04.900", "2026-11-21T06:01:02.274000Z", "UTC+01:00, and they were set to UTC"),
        ("12:31:06.500", "2026-11-21T12:31:02.274000Z", "UTC-05:30, and they were set to UTC"),
        ("07:01:01.000", "2026-11-21T07:01:02.274000Z", "UTC"),
    ],
)
def test_a_shot_shows_what_the_logs_clock_is(start, first, clock):
    records, statistics = read(clocked(brewing(moment(start))))
    assert records[0].as_dict()["time"] == first
    assert records[1].request.time_ns == records[0].time_ns
    assert statistics.notes == [f"the log's times have no zone; the machine's own times show that its clock is {clock}"]


def test_a_shot_that_is_just_over_shows_it_too_but_an_old_one_does_not():
    old = brewing(None, moment("06:00:55"))
    assert "were taken as UTC" in read(clocked(old))[1].notes[0]
    records, statistics = read(clocked(old, brewing(None, moment("06:01:05.200"))))
    assert "UTC+01:00" in statistics.notes[0]
    assert records[0].as_dict()["time"].startswith("2026-11-21T06:01")


@pytest.mark.parametrize("start", ["06:08:00", "05:53:00"])
def test_a_moment_that_is_no_quarter_of_an_hour_away_shows_nothing(start):
    assert "were taken as UTC" in read(clocked(brewing(moment(start))))[1].notes[0]


def test_what_a_push_shows_too_late_is_said(monkeypatch):
    monkeypatch.setattr(debug_log, "_MOST_HELD", 2)
    records, statistics = read(clocked(brewing(moment("06:01:04.900"))))
    assert records[-1].as_dict()["time"].startswith("2026-11-21T07:01")
    assert statistics.notes[0].endswith("its clock is UTC+01:00, which came too late in the log")
