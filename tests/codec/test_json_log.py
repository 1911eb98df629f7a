"""Logs of the libraries after lmdirect, whatever was done to their lines: the messages are the same."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.json_log import put_together
from lmdecode.codec.log_literal import compact
from tests.codec.lion.test_log import DASHBOARD, SAID, TOKEN, answer, joined, lines_of, read
from tests.codec.v1.test_log import WRAPPINGS, columns, every, grid, softly, terminal

TEXT = compact([{"CoffeeBoiler1UpdateTemperature": 93.5}, {"Boilers": compact([{"id": "SteamBoiler"}])}])
V3 = [
    ("clients.local", f"Received websocket message: WSMessage(type=<WSMsgType.TEXT: 1>, data={TEXT!r}, extra='')"),
    ("devices.machine", f"Received message from websocket, message {TEXT}"),
    ("devices.machine", 'Message: [{"TankStatus":"empty"}]'),
]
CLOUD1 = [
    (
        "clients.cloud",
        f"Request to {{'data': {{'machineMode': 'StandBy', 'boilers': {[DASHBOARD['widgets']]}}}}} successful",
    ),
    ("clients.cloud", "Checking status of command 0a1b-2c"),
    ("clients.cloud", "Request to {'data': {'status': 'PENDING'}, 'status': True} successful"),
]
SUFFIX = "7847-e12b-09a8-b04b-8e0922a9abab"
SCRAPS = [
    *(
        b"pylamarzocco ",
        b"Response: ",
        b"Request to ",
        b"Received websocket message: ",
        b"WSMessage(data='",
        b"MESSAGE\n",
    ),
    *(
        b"{'a': ",
        b"[",
        b"'",
        b'"',
        b"\\",
        b"\n",
        b"\r",
        b"|",
        b"2026-11-21 07:01:01.000 DEBUG ",
        b"b'",
        b"bytearray(b'",
    ),
    *(b"Sending bluetooth message: ", b"Shot counter received data: ", b" to 0b0b", b'{"log":"', b'"MESSAGE":[', b"\0"),
    *(b"property updated: x with value: ", b"https://lion.lamarzocco.io/", b" failed with status code 403", b"1e999"),
]
EVENT = '{"BrewingUpdateGroup1Time":1.05,"BrewingUpdateGroup1Ev":true}'
WRITTEN = b'{"name":"SettingBoilerTarget","parameter":{"identifier":"CoffeeBoiler1","value":94.0}}\0'
BLUETOOTH = [
    ("clients._bluetooth", "Connecting to Bluetooth device 02:00:00:00:00:01"),
    ("clients._bluetooth", r"Sending bluetooth message: b'machineMode\x00' to 0a0b7847-e12b-09a8-b04b-8e0922a9abab"),
    ("clients._bluetooth", f"Sending bluetooth message: {WRITTEN!r} to 0b0b7847-e12b-09a8-b04b-8e0922a9abab"),
    ("clients._bluetooth", f"Ignoring the replayed shot counter notification: bytearray(b'{EVENT}')"),
    ("clients._bluetooth", "Subscribed to shot counter on 02:00:00:00:00:01"),
    ("clients._bluetooth", f"Shot counter received data: bytearray(b'{EVENT}')"),
]
LOGS = {
    "lion": SAID,
    "v3": V3,
    "cloud1": CLOUD1,
    "bluetooth": BLUETOOTH,
    "all": [*SAID, *V3, *CLOUD1, *BLUETOOTH, *SAID],
}
LAST = [*answer("/MR012345/update-fw", {"status": "Updated"})]
SAME = {
    **{name: wrapping for name, wrapping in WRAPPINGS.items() if name != "lower case"},  # there it is for digits
    # A page colours an escape with its backslash.
    "a page's colours": every(lambda line: re.sub(r"(\\?\w+)", r'<span class="nv">\1</span>', line)),
}


def told(records):
    return [each._replace(request=None) for each in records]


@cache
def expected(name):
    records, statistics = read(joined(lines_of([*LOGS[name], *LAST])))
    assert {each.generation for each in records} >= ({name} if name != "all" else {"lion", "v3", "cloud1", "bluetooth"})
    assert not any(each.problems for each in records)
    assert statistics.warnings == []
    return told(records)


@pytest.mark.parametrize("wrapping", SAME)
@pytest.mark.parametrize("name", LOGS)
def test_a_wrapping_changes_nothing(name, wrapping):
    records, statistics = read(SAME[wrapping](lines_of([*LOGS[name], *LAST])))
    assert told(records) == expected(name)
    assert statistics.warnings == []


@pytest.mark.parametrize(
    "wrap",
    [
        terminal,
        softly,
        lambda width: softly(width, "    "),
        lambda width: softly(width, "> "),
        lambda width: lambda lines: [f"> {part}" for part in terminal(width)(lines)],
        lambda width: lambda lines: [part.rstrip() for part in terminal(width)(lines)],
        lambda width: lambda lines: [f"  {part}" for part in terminal(width)(lines)],
        grid,
        columns,
    ],
)
@pytest.mark.parametrize("name", ["lion", "v3", "cloud1", "bluetooth"])
@settings(max_examples=8, deadline=None)
@given(width=st.integers(36, 240))
def test_wrapped_lines_are_put_together(wrap, name, width):
    records, _ = read(joined(wrap(width)(lines_of([*LOGS[name], *LAST]))))
    assert told(records) == expected(name)


def test_lines_put_together():
    assert put_together(["abc", "def", "g"]) == "abcdefg"
    assert put_together(["abc", "de", "f"]) == "abcde f"
    assert put_together(["> ab", "> cd"]) == "> abcd"
    assert put_together(["| 2026-11-21 | ab |", "| 07:00:00   | cd |"]) == "|2026-11-21 07:00:00|abcd|"


@pytest.mark.parametrize("wrapping", ["pipes", "docker's JSON", "one JSON string", "entities", "journald's JSON"])
def test_no_secret_of_a_log_is_shown(wrapping):
    login = {"username": "owner@example.com", "password": "pass-word-1", "client_secret": "client-1"}
    said = [
        ("clients.cloud", f"Getting new access token, data: {login}"),
        ("clients.cloud", "Got new access token: {'access_token': 'token-1', 'refresh_token': 'token-2'}"),
        ("clients.cloud", "Request to {'data': {'fleet': [{'communicationKey': 'key-key-1'}]}} successful"),
        ("clients.bluetooth", f"Sending bluetooth message: b'b3duZXI=@a2V5' to 090b{SUFFIX}"),
        *SAID,
        *LAST,
    ]
    records, statistics = read(SAME[wrapping](lines_of(said)))
    shown = f"{records} {statistics.notes}"
    assert len(records) > 10
    for secret in (*login.values(), "token-1", "token-2", "key-key-1", "b3duZXI", "a2V5", TOKEN):
        assert secret not in shown


@given(st.lists(st.sampled_from(SCRAPS) | st.binary(max_size=10), max_size=30).map(b"".join))
@settings(max_examples=60, deadline=None)
def test_no_bytes_are_too_much(data):
    records, _ = read(joined(lines_of(LAST)) + data + b"\n" + joined(lines_of(LAST)))
    assert records[0].subject == "GET /api/customer-app/things/MR012345/update-fw"
    assert all(isinstance(each.as_dict(), dict) for each in records)
