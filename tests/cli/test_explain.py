from __future__ import annotations

import json

import pytest


def test_a_plaintext(command):
    result = command("explain", "R401C000403BC04D8B6")
    assert result.returncode == 0
    for words in ("temperatures", "0x401C", "03 BC", "coffee_temp", "95.6 °C", "124.0 °C", "seen", "B6 right"):
        assert words in result.stdout


def test_a_bare_preamble_lists_what_it_covers(command):
    result = command("explain", "0310001D")
    assert result.returncode == 0
    for words in ("schedule", "29 bytes", "auto_bitfield", "sun_off_min", "0 to 59", "0x032C"):
        assert words in result.stdout
    assert "check byte" not in result.stdout


def test_a_range_of_addresses_is_explained_as_its_preamble_in_each_notation(command):
    preamble, *ranges = (
        command("explain", text).stdout
        for text in ("40000023", "0x4000-0x4022", "0x4000..0x4022", "0x4000+35", "0x4000 + 0x23")
    )
    assert "firmware_ver" in preamble
    assert ranges == [preamble] * 4
    assert "write 0x4000, 0x4000-0x4022" in command.fails("explain", "0x4000-35", code=2)
    assert "one message reads 65535 at most" in command.fails("explain", "0x0000-0xFFFF", code=2)


def test_a_window_with_data_as_people_quote_it(command):
    result = command("explain", "401c0004 03bc 04d8")
    assert "95.6 °C" in result.stdout
    assert result.returncode == 0


def test_a_whole_frame(command, config):
    result = command("explain", "@/EvNHlfIE/xwlY2eKvFjXw==%", "--config", config)
    assert result.returncode == 0
    assert "R40000023DB" in result.stdout
    assert "firmware_ver" in result.stdout


def test_a_frame_without_key_says_where_keys_come_from(command):
    assert "no key: give --key or --config" in command.fails("explain", "@/EvNHlfIE/xwlY2eKvFjXw==%", code=2)


def test_a_frame_with_the_wrong_key(command):
    result = command("explain", "@/EvNHlfIE/xwlY2eKvFjXw==%", "--key", "x" * 32)
    assert result.returncode == 1
    assert "wrong key" in result.stdout


def test_every_byte_is_accounted_for(command):
    result = command("explain", "R0001000300000018")
    assert "0x0001" in result.stdout
    assert "unknown" in result.stdout
    assert "standby_timer" in result.stdout
    assert "cut off" not in result.stdout.split("0x0003")[0]
    assert "1 of its 4 bytes" in result.stdout.replace("\n", " ")


def test_a_value_that_an_unconfirmed_register_cannot_have_is_no_problem(command):
    result = command("explain", "4063000198")
    assert "not a known value: 0x98 is none of C, F" in result.stdout
    assert "GS3 AV, firmware 1.40" in result.stdout
    assert "!" not in result.stdout


def test_a_value_that_a_confirmed_register_cannot_have_is_one(command):
    result = command("explain", "0000000107")
    assert "! power: 7 is neither 0 nor 1" in result.stdout
    assert "not a known value" not in result.stdout


def test_a_wrong_check_byte_is_told_with_the_right_one(command):
    result = command("explain", "R401C000403BC04D8B7")
    assert "check byte is B7, should be B6" in result.stdout
    assert "95.6 °C" in result.stdout


def test_a_forgotten_check_byte_is_recognised(command):
    result = command("explain", "R401C000403BC04D8")
    assert "no check byte was given" in result.stdout
    assert "check byte B6 right" in result.stdout
    assert "95.6 °C" in result.stdout
    secret = command("explain", "R0111000441424344")
    assert "no check byte was given" in secret.stdout
    assert "** ** ** **" in secret.stdout
    assert "41" not in secret.stdout


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("W000000010139", "write request"),
        ("W00000001OK72", "answer to a write: done"),
        ("W00000001NO75", "REFUSED (NO)"),
        ("Z60000016536E3030303030303030303004010030001B03BB04FDD8", "pushed by the machine"),
    ],
)
def test_each_kind_of_message(command, message, words):
    assert words in command("explain", message).stdout


def test_the_secret_is_masked_unless_asked_for(command):
    plaintext = "R01110004" + "41424344" + "73"
    masked = command("explain", plaintext)
    assert "41 42" not in masked.stdout
    assert "41424344" not in masked.stdout
    assert "** ** ** **" in masked.stdout
    assert "41 42 43 44" in command("explain", plaintext, "--show-secrets").stdout
    damaged = command("explain", plaintext[:-1] + "Z")
    assert "withheld" in damaged.stdout
    assert "41" not in damaged.stdout.replace("0x0111", "")


@pytest.mark.parametrize("message", ["hello", "10", "@unfinished", "xyz=", "401C000403BC04D", ""])
def test_what_is_no_message_says_what_is(command, message):
    complaint = command.fails("explain", message, code=2)
    assert len(complaint.strip().splitlines()) == 1


def test_several_at_once(command):
    result = command("explain", "R40000020D8", "R0310001DEB")
    assert "status" in result.stdout
    assert "schedule" in result.stdout


def test_json(command):
    result = command("explain", "R401C000403BC04D8B6", "40000002", "R40000020FF", "--json")
    whole, asked, damaged = map(json.loads, result.stdout.splitlines())
    assert (result.returncode, whole["fields"], whole["valid"]) == (0, {"coffee_temp": 95.6, "steam_temp": 124.0}, True)
    assert whole["parts"][0] == {
        "address": 0x401C, "data": "03bc", "name": "coffee_temp", "value": "95.6 °C", "sure": "seen",
        "note": "in the boiler",
    }  # fmt: skip
    assert (asked["kind"], asked["address"], asked["length"], asked["valid"]) == ("read", 0x4000, 2, None)
    assert damaged["problems"]


def test_json_masks_what_is_secret(command):
    frame = "R0110004068747470"  # of the machine's own cloud account
    assert "http" not in command("explain", frame, "--json").stdout
