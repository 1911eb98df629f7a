"""What gateway v3 says becomes Records: names, tokens, refusals, its several dialects."""

from __future__ import annotations

import json

import pytest

from lmdecode.codec.dialect import MachineKey, OwnerAccess
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.key import Key
from tests.codec.web_building import CONFIG, SWITCHED, UPGRADE, answer, frame, heard, new_conversation

KITCHEN = "\xe4bcdefghijklmnopqrstuvwxyz012345"
OFFICE = "zyxwvutsrqponmlkjihgfedcba543210"
TWO = OwnerAccess((MachineKey("kitchen", Key.parse(KITCHEN)), MachineKey("office", Key.parse(OFFICE))))


def asked_with(token: bytes) -> bytes:
    return CONFIG.replace(b"of-the-machine", token)


@pytest.mark.parametrize(
    ("token", "name"),
    [
        (KITCHEN.encode("latin-1"), "kitchen"),
        (KITCHEN.encode(), "kitchen"),
        (OFFICE.encode(), "office"),
        (OFFICE.encode()[1:], None),
    ],
)
def test_the_token_says_which_machine_it_is(token: bytes, name: str | None) -> None:
    records = heard(("app", asked_with(token)), ("machine", answer(b"{}")), access=TWO)
    assert [record.machine for record in records] == [name, name]
    assert heard(("app", asked_with(token)), access=OwnerAccess(TWO.keys[:1]))[0].machine is None


def test_the_stream_is_the_machines_too() -> None:
    upgrade = UPGRADE.replace(b"\r\n\r\n", b"\r\nAuthorization: Bearer " + OFFICE.encode() + b"\r\n\r\n")
    records = heard(("app", upgrade), ("machine", SWITCHED + frame(b"[]")), access=TWO)
    assert [record.machine for record in records] == ["office"] * 3


def test_a_refusal_says_what_to_do() -> None:
    *_, refused = heard(("app", CONFIG), ("machine", answer(b"", b"Content-Length: 0", status=b"403 Forbidden")))
    assert refused.problems[0].startswith("refused with status 403: the machine has no token yet")
    *_, refused = heard(("app", CONFIG), ("machine", answer(b"", b"Content-Length: 0", status=b"401 Unauthorized")))
    assert refused.problems[0].startswith("refused with status 401: the token is not this machine's key")
    *_, refused = heard(("app", CONFIG), ("machine", answer(b"", b"Content-Length: 0", status=b"500 Oh")))
    assert refused.problems[0].startswith("refused with status 500")


@pytest.mark.parametrize(
    "text",
    [
        '[{"CoffeeBoiler1UpdateTemperature":93.5},{"MachineMode":"BrewingMode"}]',
        '{"CoffeeBoiler1UpdateTemperature":93.5,"MachineMode":"BrewingMode"}',
        '[{"name":"CoffeeBoiler1UpdateTemperature","value":93.5},{"name":"MachineMode","value":"BrewingMode"}]',
    ],
)
def test_the_stream_has_several_forms(text: str) -> None:
    (record,) = heard(("machine", frame(text.encode())))
    assert record.fields == {"coffee_temp": 93.5, "power": True}
    assert (record.kind, record.role, record.plaintext) == (Kind.STREAM, "report", text)


def test_a_name_that_comes_twice_loses_nothing() -> None:
    text = b'[{"CoffeeBoiler1UpdateTemperature":93},{"CoffeeBoiler1UpdateTemperature":94},{"New":1},{"New":2}]'
    (record,) = heard(("machine", frame(text)))
    assert record.fields == {"coffee_temp": 94.0}
    assert record.extra == {"New": 2, "New (before)": [1], "CoffeeBoiler1UpdateTemperature (before)": [93]}


def test_a_whole_configuration_may_come_in_a_text() -> None:
    inner = {"version": "v1", "boilers": [{"id": "CoffeeBoiler1", "target": 93, "current": 81.5}]}
    for text in (json.dumps({"MachineConfiguration": json.dumps(inner)}), json.dumps({"MachineConfiguration": inner})):
        (record,) = heard(("machine", frame(text.encode())))
        asked = heard(("app", CONFIG), ("machine", answer(json.dumps(inner).encode())))[1]
        assert (record.fields, record.extra, record.problems) == (asked.fields, asked.extra, ())
    damaged = json.dumps({"MachineConfiguration": '{"version": '})
    (record,) = heard(("machine", frame(damaged.encode())))
    assert record.plaintext == damaged


@pytest.mark.parametrize("text", ['[{"KeepAlive":""}]', "[]", "null", "1", '["a"]', '[{"a":1},2]'])
def test_what_has_no_name_is_kept(text: str) -> None:
    _, record = heard(("machine", SWITCHED + frame(text.encode())))
    assert (record.plaintext, record.problems) == (text, ())


def test_what_is_no_text_is_said() -> None:
    _, record = heard(("machine", SWITCHED + frame(b"\x00\x01", 2)))
    assert record.problems[0] == "a message of bytes, where only text is known"
    (record,) = heard(("machine", frame(b'[{"a":"\xff"}]')))
    assert record.problems[0] == "byte 8 of the message is not UTF-8"


@pytest.mark.parametrize("text", [b"hello", b"\0{]", b"KeepAlive"])
def test_a_text_that_is_no_json_is_said(text: bytes) -> None:
    *_, record = heard(("app", UPGRADE), ("machine", SWITCHED + frame(text)))
    assert record.problems
    *_, record = heard(("app", UPGRADE), ("machine", SWITCHED + frame(b"null")))
    assert not record.problems


def test_secrets_are_masked_unless_asked_for() -> None:
    text = b'{"SystemInfo":"{\\"network_interfaces\\":[{\\"mac\\":\\"02:00:00:00:02:15\\",\\"rssi\\":-58}]}"}'
    (record,) = heard(("machine", frame(text)))
    assert "02:15" not in str(record)
    assert "-58" in str(record)
    (record,) = heard(("machine", frame(text)), access=OwnerAccess(show_secrets=True))
    assert "02:15" in str(record)


def test_the_verdict_says_what_to_do() -> None:
    from lmdecode.codec.v3.conversation import speaker

    conversation, tally = new_conversation()
    assert speaker(OwnerAccess()).verdict(tally, [8081]) is None
    conversation.receive(0, "app", b"?" * 50)
    conversation.close(1)
    assert (speaker(OwnerAccess()).verdict(tally, [8081]) or "").startswith("no HTTP or WebSocket message")
