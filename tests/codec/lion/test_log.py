"""The log of pylamarzocco as owners have it: whatever was done to the lines, the messages are the same."""

from __future__ import annotations

import io
import json

from lmdecode.capture import CaptureStatistics
from lmdecode.capture.formats.debug_log import read_log
from lmdecode.codec.dialect import OwnerAccess, Speakers
from lmdecode.codec.record import Kind

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
