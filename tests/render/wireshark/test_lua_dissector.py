from __future__ import annotations

import dataclasses
import math
import random

import pytest

from lmdecode.capture import decode_capture
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS
from lmdecode.codec.v1.windows import WINDOWS
from lmdecode.render.records import exported_pdu
from lmdecode.render.wireshark.lua_dissector import _decoder, _derived, lua_dissector
from tests.codec.v1.samples import KEY_TEXT, SAMPLES, with_check
from tests.render.tshark import CAPTURES, columns, needs_tshark, talk, tshark

NAMES = list(dict.fromkeys(row.name for row in (*REGISTERS, *DERIVED) if row.name))
JSON = {row.name: row.json if hasattr(row, "json") else row.type.json for row in (*DERIVED, *REGISTERS)}
META = ("kind", "sender", "role", "address", "length", "data", "status", "ok", "check_ok", "elapsed")
EXPERT = ("check", "length", "malformed", "value", "refused")


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    path = tmp_path_factory.mktemp("plugin") / "lamarzocco.lua"
    path.write_text(lua_dissector(), encoding="utf-8")
    return ["-X", f"lua_script:{path}"]


def exported(records, folder):
    path = folder / "messages.pcapng"
    with path.open("wb") as file:
        exported_pdu.write(file, records)
    return path


def seen(records, folder, plugin):
    """What the dissector makes of Records: for each a dict of the fields that it has, as text."""
    names = [f"lamarzocco.{name}" for name in (*META, *NAMES)] + [f"lamarzocco.expert.{name}" for name in EXPERT]
    rows = columns(exported(records, folder), [*names, "_ws.col.Info", "_ws.lua.error"], *plugin)
    assert {row.pop() for row in rows} == {""}, "Wireshark puts what Lua complains about into the packet"
    keys = [*META, *NAMES, *(f"expert.{name}" for name in EXPERT), "info"]
    return [{key: cell for key, cell in zip(keys, row, strict=True) if cell} for row in rows]


def as_read(name, cell):
    """A cell of tshark's as the value that a Record would have."""
    match JSON[name]:
        case "boolean":
            return {"1": True, "True": True, "0": False, "False": False}[cell]
        case "integer":
            return int(cell)
        case "number":
            return float(cell)
        case "array":
            return [] if cell == "none" else cell.split(", ")
        case _:
            return cell


def assert_same(record, row):
    """Every field of the map is there or not, with the value that the Record has."""
    read = {name: as_read(name, row[name]) for name in NAMES if name in row}
    expected = {name: value for name, value in record.fields.items() if value != ""}  # to tshark, as if it had none
    assert read.keys() == expected.keys(), record.plaintext
    for name, value in expected.items():
        close = isinstance(value, float) and math.isclose(read[name], value, rel_tol=1e-12)
        assert close or read[name] == value, (name, record.plaintext)


def assert_same_meta(record, row):
    assert row["kind"] == record.kind
    assert row["sender"] == record.sender
    assert row["role"] == record.role
    assert int(row["address"], 16) == record.address
    assert int(row["length"]) == record.length
    assert row.get("data") == (record.data or None)
    assert as_read("power", row["ok"]) is record.ok if record.ok is not None else "ok" not in row
    if record.elapsed is None:
        assert "elapsed" not in row
    else:
        assert float(row["elapsed"]) == pytest.approx(record.elapsed, abs=1e-6)


def test_every_name_of_the_map_is_in_the_plugin():
    text = lua_dissector()
    for name in NAMES:
        assert f'name = "{name}"' in text


def test_the_map_cannot_grow_past_the_decoder():
    strange = dataclasses.replace(REGISTERS[0].type, name="strange", json="string")
    with pytest.raises(LookupError, match="cannot read a 'strange'"):
        _decoder(strange)
    with pytest.raises(LookupError, match="cannot work out novelty"):
        _derived(dataclasses.replace(DERIVED[0], name="novelty", inputs=("coffee_temp", "steam_temp")))


@needs_tshark
@pytest.mark.parametrize("name", ["gs3av-settings.pcap", "gs3mp-standby.pcapng", "gs3av-settings.tshark.json"])
def test_the_sample_captures(name, plugin, tmp_path):
    records = list(decode_capture(CAPTURES / name, speakers_with(FrameDecoder(Key.parse(KEY_TEXT)))))
    rows = seen(records, tmp_path, plugin)
    assert len(rows) == len(records)
    for record, row in zip(records, rows, strict=True):
        assert_same(record, row)
        assert_same_meta(record, row)
        assert not [key for key in row if key.startswith("expert.")] or record.problems or record.ok is False


@needs_tshark
def test_a_filter_on_a_register(plugin, tmp_path):
    records = list(decode_capture(CAPTURES / "gs3av-settings.pcap", speakers_with(FrameDecoder(Key.parse(KEY_TEXT)))))
    hot = [record.fields["coffee_temp"] for record in records if record.fields.get("coffee_temp", 0) > 95]
    assert hot
    rows = columns(
        exported(records, tmp_path), ["lamarzocco.coffee_temp"], *plugin, "-Y", "lamarzocco.coffee_temp > 95"
    )
    assert [float(cell) for (cell,) in rows] == hot


@needs_tshark
def test_filters_of_every_type(plugin, tmp_path):
    path = exported(talk(*(("machine", sample.plaintext) for sample in SAMPLES)), tmp_path)
    wanted = (
        'lamarzocco.steam_boiler_enable == 1 && lamarzocco.heating_state contains "heating_on"'
        ' && lamarzocco.firmware_ver == "1.40" && lamarzocco.address == 0x4000 && lamarzocco.mystery_2 >= 2'
    )
    assert columns(path, ["lamarzocco.steam_temp"], *plugin, "-Y", wanted) == [["88.2"]]


def plausible(row, rng):
    """Bytes that are a value of a register, if chance finds any."""
    for _ in range(40):
        low, high = rng.choice([(0, 1), (1, 12), (0, 59), (0x20, 0x5B), (0, 255)])
        data = bytes(rng.randint(low, high) for _ in range(row.size))
        try:
            row.type.decode(data)
        except RegisterError:
            continue
        return data
    return data


def windows(rng):
    """The known windows, and others that cut registers anywhere."""
    yield from ((window.address, window.length) for window in WINDOWS for _ in range(6))
    yield from ((row.address, row.size) for row in REGISTERS for _ in range(2))
    for _ in range(250):
        row = rng.choice(REGISTERS)
        address = max(0, row.address + rng.randint(-12, 12))
        yield address, rng.randint(1, min(64, 0x10000 - address))


def random_messages(rng):
    """Reads, writes and streams of a memory that holds much that makes sense and some that does not."""
    front_panel = next(row for row in REGISTERS if row.name == "front_panel_display")
    for address, length in windows(rng):
        memory = bytearray(rng.randbytes(0x10000)) if rng.random() < 0.05 else bytearray(0x10000)
        for row in REGISTERS:
            if row.address < address + length and address < row.end and rng.random() < 0.9:
                memory[row.address : row.end] = plausible(row, rng)
        memory[front_panel.address : front_panel.end] = bytes(
            rng.choice([*b"TANDBY 1:05", 0xDB, 0xDF, 0xFF, 0xC4, 0xE9]) for _ in range(front_panel.size)
        )
        data = memory[address : address + length].hex().upper()
        kind, sender = rng.choice([("R", "machine"), ("R", "machine"), ("W", "app"), ("Z", "machine")])
        window = f"{address:04X}{length:04X}"
        if kind == "R" and rng.random() < 0.5:
            yield "app", with_check(f"R{window}")
        yield sender, with_check(f"{kind}{window}{data}")
        if kind == "W":
            yield "machine", with_check(f"W{window}{rng.choice(['OK', 'OK', 'NO', 'E1'])}")


@needs_tshark
def test_any_window_of_any_memory(plugin, tmp_path):
    records = talk(*random_messages(random.Random(1774)))
    assert {name for record in records for name in record.fields} == set(NAMES), "every field is compared"
    rows = seen(records, tmp_path, plugin)
    assert len(rows) == len(records) > 500
    for record, row in zip(records, rows, strict=True):
        if record.kind is None or record.plaintext is None:
            assert not set(row) & set(NAMES)
            continue
        assert_same(record, row)
        assert_same_meta(record, row)
        if "**" in record.plaintext:
            assert "check_ok" not in row
        else:
            assert as_read("power", row["check_ok"]) is True
        if record.ok is None:
            assert ("expert.value" in row) == any(": " in problem for problem in record.problems), record.problems


DAMAGED = {
    "wrong check byte": (b"R401C000403BC04D8B7", {"check"}, True),
    "longer than it says": (with_check("R401C000303BC04D8"), {"length"}, True),
    "shorter than it says": (with_check("R401C000403BC"), {"length"}, True),
    "not hex": (with_check("R401C000403BC0xD8"), {"malformed"}, True),
    "odd": (with_check("R401C000403BC0"), {"malformed"}, True),
    "no kind": (with_check("Q401C000403BC04D8"), {"malformed"}, False),
    "no preamble": (with_check("R40!C0004"), {"malformed"}, False),
    "short": (b"R401C00", {"malformed"}, False),
    "not printable": (b"R401C\x000403BC\x1b", {"malformed"}, False),
    "a stream of nothing": (with_check("Z60000016"), {"malformed"}, True),
    "no value": (with_check("R0000000107"), {"value"}, True),
    "nothing but a frame": (b"@not base64%", {"malformed"}, False),
    "cut": (b"@AAAA", {"malformed"}, False),
}


@needs_tshark
def test_damaged_messages(plugin, tmp_path):
    records = [talk(("machine", plaintext))[0] for plaintext, *_ in DAMAGED.values()]
    rows = seen(records, tmp_path, plugin)
    for what, record, row, (_, expert, is_message) in zip(DAMAGED, records, rows, DAMAGED.values(), strict=True):
        assert record.problems, what
        assert {key.removeprefix("expert.") for key in row if key.startswith("expert.")} == expert, what
        if is_message:
            assert_same(record, row)
        else:
            assert not set(row) & {*NAMES, *META}, what


@needs_tshark
def test_nothing_makes_lua_fail(plugin, tmp_path):
    rng = random.Random(42)
    (record,) = talk(("machine", b"R401C000403BC04D8B6"))
    texts = [record.plaintext[:size] for size in range(len(record.plaintext))]
    for sample in rng.choices(SAMPLES, k=300):
        characters = list(sample.plaintext.decode("ascii"))
        for _ in range(rng.randint(1, 4)):
            characters[rng.randrange(min(len(characters), 24))] = rng.choice("0F*RWZ%@ \\\x7f°")
        texts.append("".join(characters))
    texts += [rng.randbytes(rng.randint(0, 40)).decode("latin-1") for _ in range(100)]
    texts += ["R40000020\xff\xfe", "W00070002ü", "W00070002OK\xff"]
    records = [record._replace(plaintext=text, sender=rng.choice(["app", "machine"])) for text in texts]
    assert len(seen(records, tmp_path, plugin)) == len(texts)


@needs_tshark
def test_a_gap_is_a_packet_without_data_and_has_its_reason_for_comment(plugin, tmp_path):
    gap = talk(("machine", b"R401C000403BC04D8B6"))[0]._replace(
        kind=None,
        role=None,
        address=None,
        length=None,
        data=None,
        plaintext=None,
        fields={},
        problems=("7 bytes are missing here",),
    )
    path = exported([gap], tmp_path)
    ((comment, info),) = columns(path, ["frame.comment", "_ws.col.Info"], *plugin)
    assert comment == "machine: gap\x1e! 7 bytes are missing here"
    assert "nothing captured here" in info


@needs_tshark
def test_a_masked_message_shows_what_is_not_secret(plugin, tmp_path):
    body = "R01000013" + b"ZGS012345".ljust(17, b"\0").hex().upper() + "4142"
    (record,) = talk(("machine", with_check(body)))
    assert record.plaintext.endswith("****" + "**")
    (row,) = seen([record], tmp_path, plugin)
    assert row["machine_ser_num"] == "GS012345"
    assert row["data"].endswith("****")
    assert "check_ok" not in row
    assert "4142" not in tshark(exported([record], tmp_path), *plugin, "-V", "-x")


@needs_tshark
def test_the_info_column_is_in_words(plugin, tmp_path):
    records = talk(
        ("app", with_check("R401C0004")),
        ("machine", b"R401C000403BC04D8B6"),
        ("machine", b"R401C000403BC04D8B6"),
        ("app", with_check("W0007000203A7")),
        ("machine", with_check("W00070002OK")),
        ("app", with_check("W0007000203A7")),
        ("machine", with_check("W00070002NO")),
        ("machine", with_check("R03000007001A0906020115")),
        ("machine", b"R0310001DFF061106110611061106110611061100000000000000000000000000002F"),
        ("machine", with_check("R00120004010203" + "04")),
        ("machine", with_check("R7000000201" + "02")),
        app="[fe80::1]:40000",
        machine="[fe80::2]:1774",
    )
    infos = [row["info"] for row in seen(records, tmp_path, plugin)]
    assert infos[:8] == [
        "app read temperatures",
        "machine answer temperatures: coffee_temp 95.6 °C, steam_temp 124.0 °C",
        "machine report temperatures: coffee_temp 95.6 °C, steam_temp 124.0 °C",
        "app write coffee_set_temp: coffee_set_temp 93.5 °C",
        "machine took coffee_set_temp",
        "app write coffee_set_temp: coffee_set_temp 93.5 °C",
        "machine refused coffee_set_temp: NO",
        "machine report clock: clock 2021-01-02T09:26:00",
    ]
    assert "mon 06:00–17:00, tue" in infos[8]
    assert infos[9].startswith("machine report prebrewing_toff_k3…: prebrewing_toff_k3 0.1 s,")
    assert infos[10] == "machine report 70000002: 0102"
