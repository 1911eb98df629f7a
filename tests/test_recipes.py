"""The recipes of docs/architecture.md, each applied to a copy of the package and used: so the page stays true."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lmdecode.capture.net.packet import Endpoint
from tests.capture.building import KEY_TEXT, START_NS, Talk, ethernet, message, packets, pcap, report, seal, talk

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
RECIPES = re.findall(r'^```python title="([^"]+)"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def cook(tmp_path_factory):
    """Return a folder with a copy of the package in which some of the page's recipes are applied."""

    def cook(*names):
        folder = tmp_path_factory.mktemp("package")
        shutil.copytree(ROOT / "lmdecode", folder / "lmdecode", ignore=shutil.ignore_patterns("__pycache__"))
        chosen = [(title, code) for title, code in RECIPES if any(name in title for name in names)]
        assert chosen
        for title, code in chosen:
            path, _, after = title.partition(", after: ")
            file = folder / path
            if after:
                lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
                (number,) = [number for number, line in enumerate(lines) if after in line]
                lines.insert(number + 1, code)
                file.write_text("".join(lines), encoding="utf-8")
            else:
                file.parent.mkdir(exist_ok=True)
                file.write_text(code, encoding="utf-8")
        return folder

    return cook


def run(folder, *arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "lmdecode", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "LMDECODE_KEY": KEY_TEXT, "COLUMNS": "100", "TZ": "UTC"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_register_is_one_line(cook):
    folder = cook("memory_map.py")
    assert '"name":"cup_warmer"' in run(folder, "registers", "cup_warmer", "--format", "json").replace('": ', '":')
    assert "cup_warmer" in run(folder, "explain", "R4019000101")
    path = folder / "x.pcap"
    path.write_bytes(pcap(packets(Talk().open().send("machine", seal(message("R4019000101"))).close().segments)))
    (record,) = lines(run(folder, "decode", path, "--where", "cup_warmer"))
    assert record["fields"] == {"cup_warmer": True}
    assert "cup_warmer" in run(folder, "wireshark-plugin")


def test_a_name_in_json_is_one_line(cook):
    folder = cook("vocabulary_widgets.py")
    assert "fridge_on" in run(folder, "registers", "fridge_on")
    widget = {"code": "CMMilkFridge", "index": 1, "output": {"enabled": True}}
    assert "fridge_on" in run(folder, "explain", json.dumps({"serialNumber": "MR012345", "widgets": [widget]}))


def test_a_capture_format_is_one_file(cook):
    folder = cook("snoop.py")
    segments = talk().segments
    (folder / "x.pcap").write_bytes(pcap(packets(segments)))
    snoop = struct.pack(">8sII", b"snoop\0\0\0", 2, 4)
    for time_ns, data in packets(segments):
        padding = -len(data) % 4
        seconds, micros = divmod(time_ns // 1000, 1_000_000)
        snoop += struct.pack(">IIIIII", len(data), len(data), 24 + len(data) + padding, 0, seconds, micros)
        snoop += data + bytes(padding)
    (folder / "x.snoop").write_bytes(snoop)
    expected = run(folder, "decode", "x.pcap")
    assert run(folder, "decode", "x.snoop") == expected
    assert expected.count("\n") == 4


def test_an_output_format_is_one_file(cook):
    folder = cook("tsv.py")
    (folder / "x.pcap").write_bytes(pcap(packets(talk(1).segments)))
    rows = run(folder, "decode", "x.pcap", "--format", "tsv").splitlines()
    assert [row.split("\t")[1:] for row in rows] == [["app", ""], ["machine", "coffee_temp=0.0;steam_temp=124.0"]]
    one = run(folder, "decode", "x.pcap", "x.pcap", "x.pcap", "--format", "tsv")
    assert run(folder, "decode", "x.pcap", "x.pcap", "x.pcap", "--format", "tsv", "--jobs", "2") == one
    assert "|tsv]" in run(folder, "decode", "--help").replace("\n", "").replace(" ", "").replace("│", "")


def test_a_command_is_a_file_and_a_line(cook):
    folder = cook("ports.py", "talkers.py", "cli/app.py")
    (folder / "x.pcap").write_bytes(pcap(packets(talk().segments)))
    assert run(folder, "ports", "x.pcap") == f"1774: {len(talk().segments)} packets\n"
    assert "Show the TCP ports" in run(folder, "--help")
    app, machine = "192.168.1.150:*", "192.168.1.215:1774"
    assert machine in run(folder, "talkers", "x.pcap", "--where", f"source={machine}")
    assert machine not in run(folder, "talkers", "x.pcap", "--where", f"source={app}")


TOY = Endpoint("192.168.1.7", 7777)


@pytest.fixture(scope="module")
def toy(cook):
    """A folder with the toy dialect and a capture in which v1 and the toy protocol are spoken."""
    folder = cook("codec/toy")
    said = Talk(Endpoint("192.168.1.150", 40000), TOY, time_ns=START_NS + 500_000).open()
    said.send("app", b"get temp\nget wea").send("machine", b"temp=93.5\n").send("app", b"ther\n")
    said.send("machine", b"weather=3\n").send("machine", b"nonsense\n").close()
    both = sorted(talk(2).segments + said.segments, key=lambda segment: segment.time_ns)
    (folder / "both.pcap").write_bytes(pcap([(each.time_ns, ethernet(each)) for each in both]))
    return folder


def test_a_dialect_is_found_and_decoded_beside_the_others(toy):
    records = lines(run(toy, "decode", "both.pcap"))
    assert len([record for record in records if "generation" not in record]) == 3
    spoken = [record for record in records if record.get("generation") == "toy"]
    assert [(record["sender"], record["kind"], record["role"], record.get("subject")) for record in spoken] == [
        ("app", "read", "request", "get temp"),
        ("machine", "read", "response", "temp"),
        ("app", "read", "request", "get weather"),
        ("machine", "read", "response", "weather"),
        ("machine", None, None, None),
    ]
    assert [record["fields"] for record in spoken][1] == {"toy_temp": 93.5}
    assert spoken[3]["extra"] == {"weather": 3.0}
    assert spoken[4]["problems"] == ["not a line of the toy protocol"]
    assert bytes.fromhex(spoken[4]["raw"]) == b"nonsense"


def test_its_records_go_through_conditions(toy):
    assert len(lines(run(toy, "decode", "both.pcap", "--where", "generation=toy"))) == 5
    assert len(lines(run(toy, "decode", "both.pcap", "--where", "generation=v1"))) == 3
    (record,) = lines(run(toy, "decode", "both.pcap", "--where", "toy_temp>93"))
    assert record["subject"] == "temp"
    assert len(lines(run(toy, "decode", "both.pcap", "--where", "subject=*weather"))) == 2
    (record,) = lines(run(toy, "decode", "both.pcap", "--fields", "toy_temp"))
    assert record["fields"] == {"toy_temp": 93.5}
    assert len(lines(run(toy, "decode", "both.pcap", "--port", "7777"))) == 5


def test_its_records_come_out_of_every_format(toy):
    rows = list(csv.DictReader(io.StringIO(run(toy, "decode", "both.pcap", "--format", "csv"))))
    assert [row["toy_temp"] for row in rows if row["toy_temp"]] == ["93.5"]
    assert {row["generation"] for row in rows} == {"v1", "toy"}
    assert [json.loads(row["extra"]) for row in rows if row["extra"]] == [{"weather": 3.0}]
    run(toy, "decode", "both.pcap", "--format", "parquet", "--output", "both.parquet")
    table = pq.read_table(toy / "both.parquet")
    assert [value for value in table.column("toy_temp").to_pylist() if value is not None] == [93.5]
    assert sorted(filter(None, table.column("subject").to_pylist())) == ["get temp", "get weather", "temp", "weather"]
    shown = run(toy, "decode", "both.pcap", "--format", "table")
    assert "get temp" in shown
    assert "toy_temp 93.5" in shown
    assert "weather 3.0" in shown
    assert "not a line of the toy protocol" in shown


def test_its_traffic_on_another_port_is_recognised(toy):
    said = Talk(machine=Endpoint("192.168.1.7", 9000)).open().send("app", b"get temp\n").send("machine", b"temp=1\n")
    (toy / "other.pcap").write_bytes(pcap(packets(said.close().segments)))
    assert [record["generation"] for record in lines(run(toy, "decode", "other.pcap", "--port", "9000"))] == ["toy"] * 2
    sealed = Talk(machine=Endpoint("192.168.1.7", 9000)).open().send("machine", seal(report(1))).close()
    (toy / "sealed.pcap").write_bytes(pcap(packets(sealed.segments)))
    (record,) = lines(run(toy, "decode", "sealed.pcap", "--port", "9000"))
    assert "coffee_temp" in record["fields"]


@pytest.mark.parametrize("form", ["jsonl", "csv", "table"])
@pytest.mark.parametrize("raised", ['RuntimeError("hush")', "MemoryError()"])
def test_a_dialect_that_fails_ends_in_one_line_behind_what_came_before(toy, tmp_path, form, raised):
    shutil.copytree(toy, tmp_path / "x")
    dialect = tmp_path / "x" / "lmdecode" / "codec" / "toy" / "__init__.py"
    failing = f'if b"nonsense" in data:\n            raise {raised}\n        *lines, '
    dialect.write_text(dialect.read_text(encoding="utf-8").replace("*lines, ", failing, 1), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "lmdecode", "decode", "both.pcap", "-f", form],
        cwd=tmp_path / "x",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "x"), "LMDECODE_KEY": KEY_TEXT, "COLUMNS": "100"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    (complaint,) = done.stderr.splitlines()
    assert "hush" not in complaint
    assert "memory ran out" in complaint or "at lmdecode/codec/toy/__init__.py:" in complaint
    assert done.stdout.count("weather") == 3  # the question, and the answer with its value
