from __future__ import annotations

import base64
import io
import subprocess
import sys
import warnings
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import lmdecode
from lmdecode.analysis.columns import FieldNameError, field_kinds
from lmdecode.codec.errors import KeyFormatError
from tests.analysis.zones import computer_in

CAPTURES = Path(__file__).parents[2] / "captures"
AV, MP, CONFIG = CAPTURES / "gs3av-settings.pcap", CAPTURES / "gs3mp-standby.pcapng", CAPTURES / "config.json"
KEY = "12345678901234567890123456789012"
OTHER = "another machine's key of 32 chars"[:32]


def as_dicts(records):
    return [record.as_dict() for record in records]


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        KEY.encode(),
        f"hex:{KEY.encode().hex()}",
        f"base64:{base64.b64encode(KEY.encode()).decode()}",
        lmdecode.Key.parse(KEY),
        [KEY],
        {"kitchen": KEY},
    ],
    ids=lambda key: type(key).__name__,
)
def test_a_key_may_be_written_in_many_ways(key):
    assert lmdecode.decode(AV, key=key).statistics.valid_frames == 94


def test_it_is_what_the_command_prints(tmp_path):
    output = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "lmdecode", "decode", AV, MP, "--config", CONFIG, "--output", output]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    import orjson

    printed = [orjson.loads(line) for line in output.read_bytes().splitlines()]
    assert as_dicts(lmdecode.decode(AV, str(MP), config=CONFIG)) == printed


def test_it_can_be_gone_through_again():
    records = lmdecode.decode(AV, key=KEY)
    assert next(iter(records)) == list(records)[0] == list(records)[0]  # noqa: RUF015 -- whole passes
    assert len(list(records)) == 94


def test_open_files():
    expected = as_dicts(lmdecode.decode(AV, key=KEY))
    with AV.open("rb") as file:
        assert as_dicts(lmdecode.decode(file, key=KEY)) == expected
        assert not file.closed
    records = lmdecode.decode(io.BytesIO(AV.read_bytes()), key=KEY)
    assert as_dicts(records) == expected
    assert records.statistics.frames == 94
    with pytest.raises(lmdecode.CaptureError, match="once only"):
        list(records)
    with AV.open("rb", buffering=0) as file:
        assert as_dicts(lmdecode.decode(file, key=KEY)) == expected
    with (CAPTURES / "gs3av-settings.tshark.json").open("rb") as file:
        assert len(list(lmdecode.decode(file, key=KEY))) == 94


@pytest.mark.parametrize("source", ["sys.stdin", "sys.stdin.buffer", "'-'"])
def test_standard_input(source):
    program = f"import lmdecode, sys\nprint(len(list(lmdecode.decode({source}, key='{KEY}'))))"
    with AV.open("rb") as file:
        result = subprocess.run(
            [sys.executable, "-c", program], stdin=file, capture_output=True, timeout=60, check=True, encoding="utf-8"
        )
    assert result.stdout == "94\n"


def test_text_is_no_capture():
    with pytest.raises(lmdecode.CaptureError, match="open it with mode 'rb'"):
        list(lmdecode.decode(io.StringIO("x"), key=KEY))


def test_several_captures_are_told_apart_or_put_in_order():
    records = list(lmdecode.decode(AV, MP, key=KEY))
    assert [record.connection for record in records] == [(str(AV), 0)] * 94 + [(str(MP), 0)] * 46
    mixed = list(lmdecode.decode(MP, AV, key=KEY, order="time"))
    assert [record.time_ns for record in mixed] == sorted(record.time_ns for record in records)
    assert {record.connection for record in mixed} == {(str(AV), 0), (str(MP), 0)}
    assert lmdecode.decode(AV, MP, key=KEY, order="time").statistics.connections == 2


def test_each_connection_finds_its_key():
    records = lmdecode.decode(AV, key={"office": OTHER, "kitchen": KEY})
    assert {record.machine for record in records if record.fields} == {"kitchen"}


def test_conditions():
    records = list(lmdecode.decode(AV, key=KEY, where=["kind=write", "sender=app"]))
    everything = list(lmdecode.decode(AV, key=KEY))
    assert records == [each for each in everything if str(each.kind) == "write" and each.sender == "app"]
    assert len(records) > 10
    assert lmdecode.decode(AV, key=KEY, where="kind=write").statistics.messages == 94  # all were read


def test_a_time_in_a_condition_is_of_the_computer_s_zone_or_of_one_that_is_given():
    def found(time, zone=None):
        return len(list(lmdecode.decode(AV, key=KEY, where=f"time={time}", zone=zone)))

    with computer_in("America/St_Johns"):
        assert found("23:25:57") == found("02:55:57Z") == found("02:55:57", UTC) > 0
        assert found("03:55:57", ZoneInfo("Europe/Rome")) == found("23:25:57")
        assert found("02:55:57") == 0


def test_what_is_wrong_with_a_capture_is_a_warning():
    with pytest.warns(lmdecode.CaptureWarning, match=r"0 of 94 frames .* wrong key\? \(it is from key=\)"):
        records = list(lmdecode.decode(AV, key=OTHER))
    assert all(record.problems for record in records)
    with pytest.warns(lmdecode.CaptureWarning, match=r"nothing on TCP port 99; busiest are 1774 .*try port=1774"):
        assert list(lmdecode.decode(AV, key=KEY, port=99)) == []
    cut = lmdecode.decode(io.BytesIO(AV.read_bytes()[:-5]), key=KEY)
    with pytest.warns(lmdecode.CaptureWarning, match="cut off"):
        assert cut.statistics.warnings
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        statistics = lmdecode.decode(AV, key=KEY).statistics
    assert statistics.warnings == ()
    counts = "142 packets, 1 connection, 94 frames, 94 messages, 0 problems, 0 bytes skipped"
    assert str(statistics) == counts


def test_what_is_wrong_with_the_arguments_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LMDECODE_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(lmdecode.LmdecodeError, match="give key= or config="):
        list(lmdecode.decode(AV))  # only what is of v1 needs one
    with pytest.raises(lmdecode.LmdecodeError, match="no record has 'foo'"):
        lmdecode.decode(AV, key=KEY, where="foo=1")
    with pytest.raises(KeyFormatError, match="the key has 5 bytes"):
        lmdecode.decode(AV, key="short")
    with pytest.raises(KeyFormatError, match="has no key in it"):
        lmdecode.decode(AV, key=[])
    with pytest.raises(lmdecode.CaptureError, match="no capture is given"):
        lmdecode.decode(key=KEY)
    with pytest.raises(lmdecode.CaptureError, match="does not exist"):
        list(lmdecode.decode("nope.pcap", key=KEY))


def test_the_time_of_a_record():
    record = next(iter(lmdecode.decode(AV, key=KEY)))
    assert record.time.isoformat().replace("+00:00", "Z") == record.as_dict()["time"]
    assert record._replace(time_ns=1 << 80).time is None


def test_no_key_shows():
    with lmdecode.simulate(key=KEY) as simulated, simulated.connect() as machine:
        things = [lmdecode.decode(AV, key=KEY), lmdecode.Key.parse(KEY), simulated, machine, simulated.connect_async()]
        things += [machine.status(), machine.memory(), lmdecode.explain("40000020", key=KEY)]
        assert not [thing for thing in things if KEY in repr(thing) or KEY in str(thing)]


class TestTables:
    records = (*lmdecode.decode(AV, MP, key=KEY),)

    def test_wide(self):
        frame = lmdecode.to_polars(self.records)
        assert frame.height == 140
        assert set(frame.columns) >= {"time", "coffee_temp", "mon_on_time"}
        assert "flow_key" in frame.columns
        assert frame["time"].dtype.time_zone == "UTC"
        temperatures = [record.fields["coffee_temp"] for record in self.records if "coffee_temp" in record.fields]
        assert frame["coffee_temp"].drop_nulls().to_list() == temperatures

    def test_chosen_fields(self):
        frame = lmdecode.to_polars(self.records, fields=["steam_temp", "coffee_*"])
        assert frame.columns[frame.columns.index("extra") + 1 :][:2] == ["steam_temp", "coffee_set_temp"]
        assert frame.height < 140
        assert frame.select("steam_temp", "coffee_temp", "coffee_set_temp").drop_nulls().height == 0
        assert len(lmdecode.to_arrow(self.records, fields="*").column_names) >= len(field_kinds())
        with pytest.raises(FieldNameError, match="did you mean coffee_temp"):
            lmdecode.to_arrow(self.records, fields="cofee_temp")

    def test_long_has_what_wide_has(self):
        long = lmdecode.to_polars(self.records, form="long")
        assert long.height == sum(len(record.fields) for record in self.records)
        wide = lmdecode.to_polars(self.records)
        for name in ("coffee_temp", "dose_k2", "power"):
            values = wide[name].drop_nulls().cast(float).to_list()
            assert long.filter(long["name"] == name)["value"].to_list() == values
        bits = long.filter(long["name"] == "auto_bitfield")["text"]
        assert "global_auto" in bits[0]

    def test_nothing_gives_an_empty_table(self):
        assert lmdecode.to_polars([], fields="coffee_temp").height == 0
        assert lmdecode.to_polars([], form="long").height == 0
        assert lmdecode.to_arrow(iter([])).num_rows == 0

    def test_a_time_that_no_table_can_hold_is_none(self):
        odd = [next(record for record in self.records if record.fields)._replace(time_ns=1 << 80)]
        assert lmdecode.to_polars(odd)["time"][0] is None
        assert lmdecode.to_polars(odd, form="long")["time"].null_count() == len(odd[0].fields) > 0

    @pytest.mark.parametrize(("package", "call"), [("pyarrow", "to_arrow"), ("polars", "to_polars")])
    def test_without_the_package(self, package, call, monkeypatch):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(lmdecode.LmdecodeError, match=f"{package} is not installed: .*pip install "):
            getattr(lmdecode, call)(self.records)


def test_a_machine_is_found_by_its_name_with_one_key_too():
    assert len(list(lmdecode.decode(AV, key={"kitchen": KEY}, where="machine=kitchen"))) == 94
    assert len(list(lmdecode.decode(AV, key={"kitchen": KEY}, where=["kind=write", "machine=192.168.1.215"]))) == 24
    assert list(lmdecode.decode(AV, key={"kitchen": KEY}, where="machine=office")) == []


def test_the_port_in_the_config_counts(tmp_path):
    path = tmp_path / "other.pcap"
    path.write_bytes(AV.read_bytes().replace((1774).to_bytes(2), (1800).to_bytes(2)))
    config = tmp_path / "config.json"
    config.write_text(f'{{"key": "{KEY}", "port": "1800"}}')
    assert lmdecode.decode(path, config=config).statistics.messages == 94
    assert lmdecode.decode(AV, config=config).statistics.messages == 94


class TestWithoutAKey:
    @pytest.fixture(autouse=True)
    def _nowhere(self, monkeypatch, tmp_path):
        for name in ("LMDECODE_KEY", "LMDECODE_CONFIG"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)

    def test_the_newer_generations_decode(self):
        records = list(lmdecode.decode(CAPTURES / "v3-morning.pcap"))
        assert {record.generation for record in records} == {"v3"}
        assert any("coffee_temp" in record.fields for record in records)

    def test_v1_says_what_it_misses_when_it_is_read(self):
        records = lmdecode.decode(CAPTURES / "gs3av-settings.pcap")
        with pytest.raises(lmdecode.LmdecodeError, match="no key: give key="):
            list(records)
