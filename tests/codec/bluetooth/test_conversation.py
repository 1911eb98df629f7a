"""ATT PDUs in, Records out: pairs, long values, secrets, replays, refusals, and damage."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.bluetooth.characteristics import is_machines_name, is_machines_value, serial_in
from lmdecode.codec.bluetooth.conversation import AttConversation, speaker
from lmdecode.codec.bluetooth.handles import Device, HandlesError, parse_handles
from lmdecode.codec.dialect import RECORDS, OwnerAccess, Place, Tally
from lmdecode.codec.record import Kind
from tests.capture.radio import COMMAND, DISCOVERY, EVENTS, READ, SECRET, SUBSCRIBE, TOKEN, notify, read, write

MTU = 247
MS = 1_000_000


def records_of(pdus, *, show_secrets=False, device=None, close=True):
    conversation = AttConversation(Place(machine="C8:2B:96:12:34:56"), Tally(), device, show_secrets=show_secrets)
    made = []
    for number, (sender, pdu) in enumerate(pdus):
        made += conversation.receive(number * MS, sender, pdu)
    return [*made, *conversation.close(0)] if close else made


def known(pdus, **arguments):
    """After discovery."""
    return records_of([*DISCOVERY, *pdus], **arguments)


def ask(name, *answers):
    return [("app", write(READ, name + b"\0")), ("machine", b"\x13"), ("app", read(READ)), *answers]


def test_a_question_and_its_answer_are_one_pair():
    question, answer = known(ask(b"tankStatus", ("machine", b'\x0b"false"\0rest of an older answer')))
    assert (question.kind, question.role, question.subject) == (Kind.READ, "request", "0a0b write tankStatus")
    assert (answer.kind, answer.role, answer.subject) == (Kind.READ, "response", "0a0b tankStatus")
    assert answer.plaintext == '"false"'
    assert answer.request == question
    assert answer.elapsed == 0.003
    assert answer.fields.get("water_reservoir_contact", False) is False


def test_two_questions_in_a_row_are_told_apart():
    records = known(
        [*ask(b"machineMode", ("machine", b'\x0b"StandBy"')), *ask(b"isPlumbedIn", ("machine", b"\x0btrue"))]
    )
    assert [record.subject for record in records if record.role == "response"] == [
        "0a0b machineMode",
        "0a0b isPlumbedIn",
    ]


def test_a_command_is_answered_by_its_status():
    order = write(COMMAND, b'{"name":"SettingBoilerTarget","parameter":{"identifier":"SteamBoiler","value":126}}\0')
    for status, ok in (("success", True), ("error", False)):
        answer = b"\x0b" + json.dumps({"id": "7", "message": "", "status": status}).encode()
        request, response = known([("app", order), ("machine", b"\x13"), ("app", read(COMMAND)), ("machine", answer)])
        assert request.subject == "0b0b write SettingBoilerTarget"
        assert (response.kind, response.ok, response.request) == (Kind.WRITE, ok, request)
    _, empty = known([("app", order), ("machine", b"\x13"), ("app", read(COMMAND)), ("machine", b"\x0b")])
    assert (empty.ok, empty.plaintext, empty.problems) == (None, "", ())


LONG = json.dumps({"a": ["value"] * 80}, separators=(",", ":")).encode()


@pytest.mark.parametrize("text", [LONG, LONG + b"\0", LONG[: MTU - 1] + b'"]}', b'"' + b"x" * (MTU - 3) + b'"'])
def test_a_long_value_is_read_in_pieces(text):
    pieces = [("machine", b"\x0b" + text[: MTU - 1])]
    for at in range(MTU - 1, len(text) + 1, MTU - 1):
        pieces += [
            ("app", struct.pack("<BHH", 0x0C, READ, at)),
            ("machine", b"\x0d" + text[at : at + MTU - 1]),
        ]
    records = known([*ask(b"boilers", *pieces), ("app", read(TOKEN))])
    assert [record.subject for record in records[:2]] == ["0a0b write boilers", "0a0b boilers"]
    assert records[1].plaintext == text.rstrip(b"\0").decode()


def test_a_long_value_ends_where_the_machine_says_so():
    pieces = [
        ("machine", b"\x0b" + LONG[: MTU - 1]),
        ("app", struct.pack("<BHH", 0x0C, READ, MTU - 1)),
        ("machine", struct.pack("<BBHB", 1, 0x0C, READ, 7)),
    ]
    _, answer = known(ask(b"boilers", *pieces))
    assert answer.plaintext == LONG[: MTU - 1].decode()
    assert answer.problems  # the JSON is cut off


def test_a_token_in_pieces_is_masked_and_so_is_each_other_secret():
    pieces = [("app", struct.pack("<BHH", 0x16, TOKEN, at) + SECRET[at : at + 18]) for at in range(0, len(SECRET), 18)]
    (record,) = known([*pieces, ("app", b"\x18\x01"), ("machine", b"\x19")])
    assert (record.subject, record.plaintext, record.data, record.length) == ("0d0b write token", "**", "**", None)
    (shown,) = known([*pieces, ("app", b"\x18\x01"), ("machine", b"\x19")], show_secrets=True)
    assert (shown.plaintext, shown.data) == (SECRET.decode(), SECRET.hex())


def test_the_login_of_gateway_v3_is_masked_and_names_the_machine():
    login = b"bWVAZXhhbXBsZS5vcmc6TVIwMTIzNDU=@MDEyMzQ1Njc4OWFiY2RlZg=="
    for device in (Device(), Device({0x14: "090b"})):
        (record,) = records_of([("app", write(0x14, login)), ("machine", b"\x13")], device=device)
        assert (record.subject, record.plaintext, record.data) == ("090b write login", "**@**", "**")
        assert record.machine == "MR012345"


def test_what_is_read_in_pairing_mode_is_masked():
    pdus = [("app", read(0x33)), ("machine", b"\x0b" + SECRET)]
    _, record = records_of(pdus, device=Device({0x33: "0c0b"}))
    assert (record.subject, record.plaintext, record.data) == ("0c0b", "**", "**")


def test_values_of_unknown_handles_are_shown_only_if_they_are_no_secret():
    pdus = [("app", read(0x77)), ("machine", b"\x0b" + SECRET), ("machine", notify(SECRET, 0x78))]
    assert SECRET.decode() not in str(records_of(pdus))
    (record,) = records_of([("machine", notify(b'{"Other":1,"bleAuthToken":"0123"}', 0x78))])
    assert record.extra == {"replay": True, "Other": 1, "bleAuthToken": "**"}
    assert record.data is None


def test_the_first_notification_after_each_subscription_is_a_replay():
    first, second = notify({"CoffeeBoiler1UpdateTemperature": 90}), notify({"CoffeeBoiler1UpdateTemperature": 93})
    again = [("app", write(SUBSCRIBE, b"\1\0")), ("machine", b"\x13"), ("machine", first), ("machine", second)]
    records = known([*again, *again])
    notified = [record for record in records if record.kind is Kind.STREAM]
    assert [record.fields for record in notified] == [{}, {"coffee_temp": 93.0}] * 2
    assert notified[0].extra == {"replay": True, "CoffeeBoiler1UpdateTemperature": 90}
    assert notified[0].problems == ()


def test_a_notification_that_the_mtu_cuts_is_said_to_be():
    text = json.dumps({"MachineStatistics": "x" * 300}).encode()[: MTU - 3]
    records = known([("machine", notify(b"{}")), ("machine", notify(text))])
    assert records[1].plaintext == text.decode()
    assert "cut off at 244 bytes, the most that the connection allows" in records[1].problems[0]


def test_what_is_whole_of_a_cut_value_is_read():
    text = b'{"CoffeeBoiler1UpdateTemperature":92,"SteamBoilerUpdateTemperature":12'
    _, record = known([("machine", notify(b"{}")), ("machine", notify(text))])
    assert record.fields == {"coffee_temp": 92.0}
    assert record.problems
    boilers = b'[{"id":"CoffeeBoiler1","current":93},{"id":"SteamBoiler","curr'
    _, answer = known(ask(b"boilers", ("machine", b"\x0b" + boilers)))
    assert answer.fields == {"coffee_temp": 93.0}
    assert (answer.plaintext, len(answer.problems)) == (boilers.decode(), 1)


def test_values_that_are_no_json_are_no_damage_where_nobody_knows_what_they_are():
    question, answer = records_of([("app", read(0x77)), ("machine", b"\x0b\1\2")])
    assert (question.problems, answer.problems, answer.data) == ((), (), "0102")
    (record,) = records_of([("machine", notify(b"abc", 0x78))])
    assert (record.problems, record.plaintext, record.data) == ((), "abc", "616263")


def test_a_refusal_says_why():
    refused = struct.pack("<BBHB", 1, 0x12, COMMAND, 0x05)
    request, answer = known([("app", write(COMMAND, b'{"name":"MachineChangeMode"}\0')), ("machine", refused)])
    assert (answer.ok, answer.subject) == (False, "0b0b MachineChangeMode")
    assert answer.problems == ("refused: the app is not authenticated",)
    assert answer.request == request
    _, answer = known([("app", read(EVENTS)), ("machine", struct.pack("<BBHB", 1, 0x0A, EVENTS, 2))])
    assert answer.problems == ("refused: reading is not allowed",)


def test_what_the_machine_asks_of_the_telephone_is_nothing_here():
    assert known([("machine", read(3)), ("app", b"\x0bPrivate Telephone")]) == []


def test_an_unknown_pdu_and_a_cut_one_are_reported():
    (unknown, cut) = known([("app", b"\x40\1\2"), ("app", b"\x12\x29")])
    assert (unknown.problems, unknown.raw) == (("an unknown ATT PDU (0x40)",), b"\x40\1\2")
    assert cut.problems == ("an ATT PDU (0x12) is cut off",)


def test_an_answer_without_its_request_is_kept_and_may_be_secret():
    (record,) = known([("machine", b"\x0b" + SECRET)])
    assert record.plaintext == "**"
    assert "without its request" in record.problems[0]


def test_the_serial_number_is_learnt_and_kept_for_the_next_connection():
    opened = speaker(OwnerAccess(handles={0x0E: "2a25"}))
    place = Place(machine="C8:2B:96:12:34:56")
    first, second = (opened.conversation(RECORDS, place, Tally()) for _ in range(2))
    found = [*first.receive(0, "app", read(0x0E)), *first.receive(0, "machine", b"\x0bMR012345")]
    assert [record.machine for record in found] == [None, "MR012345"]
    assert second.receive(0, "machine", notify({"Sleep": "x"}))[0].machine == "MR012345"


PDUS = st.lists(st.tuples(st.sampled_from(("app", "machine")), st.binary(max_size=40)), max_size=15)
OPCODES = [*range(1, 0x24), 0x52, 0xD2]


@given(PDUS)
@settings(max_examples=200, deadline=None)
def test_no_pdu_raises(pdus):
    records_of(pdus)


@given(
    st.lists(
        st.tuples(st.sampled_from(("app", "machine")), st.sampled_from(OPCODES), st.binary(max_size=30)), max_size=15
    )
)
@settings(max_examples=200, deadline=None)
def test_no_pdu_with_a_known_opcode_raises(pdus):
    known([(sender, bytes((opcode,)) + rest) for sender, opcode, rest in pdus])


@given(st.lists(st.tuples(st.integers(0, 80), st.binary(max_size=60)), max_size=20))
@settings(max_examples=100, deadline=None)
def test_a_token_in_any_pieces_is_never_shown(pieces):
    pdus = [("app", struct.pack("<BHH", 0x16, TOKEN, at) + data) for at, data in pieces]
    pdus += [("app", struct.pack("<BHH", 0x16, TOKEN, 0) + SECRET), ("app", b"\x18\x01")]
    assert SECRET.decode() not in str(known(pdus))


def test_handles_are_parsed():
    assert parse_handles("0a0b=0x29\n# a comment\n0b0b: 43, 0d0b7847-e12b-09a8-b04b-8e0922a9abab=0x2D") == {
        0x29: "0a0b",
        43: "0b0b",
        0x2D: "0d0b",
    }
    for wrong in ("", "0a0b", "0a0b=0", "0a0b=0x12345", "zzzz=3"):
        with pytest.raises(HandlesError, match="0b0b=0x2b"):
            parse_handles(wrong)


def test_signs_of_a_machine():
    assert is_machines_name("LINEA_LM012345")
    assert not is_machines_name("MINI Speaker")
    assert serial_in("MICRA_MR012345") == "MR012345"
    assert is_machines_value(b'{"BrewingUpdateGroup1Time":1}')
    assert not is_machines_value(b'{"name":"lamp","parameter":{}}')


def test_of_several_notifications_the_whole_ones_are_kept_where_the_last_is_cut_off():
    first = b'{"CoffeeBoiler1UpdateTemperature":92}'
    pdu = b"\x23" + struct.pack("<HH", EVENTS, len(first)) + first + b"\x2f"
    *_, notified, note = known([("machine", pdu)])
    assert notified.plaintext == first.decode()
    assert (note.raw, note.problems) == (b"\x2f", ("a PDU of ATT (0x23) is cut off",))


@pytest.mark.parametrize(
    "damaged", [b"\x53" + write(TOKEN, SECRET)[1:], struct.pack("<BHH", 0x16, TOKEN, 5000) + SECRET]
)
def test_a_pdu_that_cannot_be_read_is_shown_without_what_may_be_a_token(damaged):
    (note,) = known([("app", damaged)])
    assert note.raw == damaged[:3] + b"**"
    (note,) = known([("app", damaged)], show_secrets=True)
    assert note.raw == damaged


def test_a_pdu_of_json_that_cannot_be_read_is_shown_but_for_its_secrets():
    (note,) = known([("app", b'\x53\x2b\x00{"mode":"On","bleAuthToken":"c0ffee"}')])
    assert note.raw == b'\x53\x2b\x00{"mode":"On","bleAuthToken":"**"}'
