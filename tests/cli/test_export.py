"""`lmdecode export` and `lmdecode query` as a user types them."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import time

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from lmdecode.cli.app import make_app
from tests.cli.conftest import CAPTURES


def run(*arguments, **options):
    """Runs a command in this process, in the current folder."""
    words = list(map(str, arguments))
    return CliRunner().invoke(make_app(words[:1]), words, **options)


def fails(*arguments, code=1):
    result = run(*arguments)
    assert result.exit_code == code, result.output
    return result.stderr


def copied(folder):
    folder.mkdir()
    for name in ("config.json", "gs3av-settings.pcap", "gs3mp-standby.pcapng"):
        shutil.copy(CAPTURES / name, folder)
    return folder


@pytest.fixture
def captures(tmp_path, monkeypatch):
    """A folder of two captures in the current folder, whose config is the one that is used."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LMDECODE_CONFIG", str(tmp_path / "captures" / "config.json"))
    monkeypatch.delenv("LMDECODE_KEY", raising=False)
    return copied(tmp_path / "captures")


@pytest.fixture(scope="module")
def of_all_tests(tmp_path_factory):
    """A dataset of them."""
    folder = tmp_path_factory.mktemp("dataset")
    files = copied(folder / "captures")
    made = run("export", files, "--to", folder / "years", "--config", files / "config.json")
    assert made.exit_code == 0, made.output
    assert made.stdout == ""
    assert made.stderr.splitlines()[-1].startswith("2 captures: 2 added; 140 rows, 0 with problems; ")
    return folder / "years"


@pytest.fixture
def years(of_all_tests, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return of_all_tests


def test_a_dataset_among_the_captures_and_nothing_to_do(captures):
    again = run("export", "captures", "--to", "captures/years", "--json")
    assert json.loads(again.stdout)["added"] == 2
    again = run("export", "captures", "--to", "captures/years", "--json")
    assert json.loads(again.stdout)["present"] == 2
    assert "nothing to do: 2 captures are in captures/years already" in again.stderr
    asked = run("query", "captures/years", "select generation, count(*) as n from records group by all")
    assert asked.stdout == '{"generation":"v1","n":140}\n'
    assert not asked.stderr
    assert captures.is_dir()


def test_a_table_is_eighty_columns_wide(years):
    shown = run("query", years, "from records where coffee_temp > 97 order by time", "--format", "table").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "coffee_temp" in shown
    assert "columns without a value in these rows left out" in shown
    few = run("query", years, "select date, max(coffee_temp) t, null x from records group by all", "-f", "table")
    assert few.stdout.splitlines()[0].split() == ["date", "t", "x"]
    assert few.stdout.splitlines()[2].split() == ["2026-11-21", "97.9"]
    many = run("query", years, "select stream from records, range(3) limit 320", "--format", "table").stdout
    assert "only the first 300 rows: --format csv --output FILE.csv writes everything" in many
    assert "no rows" in run("query", years, "select 1 where false", "-f", "table").stdout
    text = " ".join(["why it failed"] * 20)
    told = run("query", years, f"select 'a' as capture, 1 as n, '{text}' as complaints", "-f", "table").stdout
    assert " ".join(told.splitlines()[2].split()[2:] + " ".join(told.splitlines()[3:]).split()) == text
    cut = run("query", years, f"select range, '{text}' as complaints from range(30)", "-f", "table").stdout
    assert "long texts are cut: --format csv --output FILE.csv writes everything" in cut
    columns = run("query", years, "describe records", "-f", "table").stdout.splitlines()
    assert columns[0].split() == ["column_name", "column_type", "null"]
    assert ["date", "VARCHAR", "YES"] in [line.split() for line in columns[-4:]]


def test_the_name_of_the_output_chooses_its_format(years, tmp_path):
    sql = "select time, kind, problems, raw, [1, 2] as l, {'a': 1.5::decimal(4, 2)} as s from records limit 3"
    for ending in ("csv", "jsonl", "parquet", "other"):
        assert run("query", years, sql, "-o", f"out.{ending}").exit_code == 0
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.num_rows == 3
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert rows[0]["s"] == {"a": 1.5}
    assert rows[0]["time"].endswith("Z")
    assert (tmp_path / "out.other").read_bytes() == (tmp_path / "out.jsonl").read_bytes()
    (first, *_) = csv.DictReader((tmp_path / "out.csv").open())
    assert (first["time"], first["l"]) == (rows[0]["time"], "1 | 2")
    assert run("query", years, sql, "--format", "csv").stdout == (tmp_path / "out.csv").read_text()


def test_sql_from_standard_input_and_nested_quotes(years):
    sql = 'select \'it\'\'s "so"\' as "a ""name""" from records limit 1'
    assert json.loads(run("query", years, "-", input=sql).stdout) == {'a "name"': 'it\'s "so"'}


def test_what_is_wrong_is_one_line(captures, years):
    assert "there is no dataset at new: make one with `lmdecode export" in fails("query", "new", "select 1")
    assert "does not exist" in fails("export", "nowhere", "--to", "new")
    assert "is no dataset" in fails("export", "captures", "--to", ".")
    assert "--scheduler local" in fails("export", "captures", "--to", "new", "--workers", "2", code=2)
    (captures / "config.json").write_text("{}")
    said = fails("export", "captures", "--to", "new")
    assert said.count('has no "key"') == 2
    assert "2 captures: 2 failed" in said
    assert 'Did you mean "records"' in fails("query", years, "from recordz", code=2)
    assert fails("query", years, "select 1", "-o", "no/folder.csv").count("\n") == 1
    assert "read" in fails("query", years, "copy records to 'x'", code=2)


def test_ctrl_c_ends_an_export_and_says_how_it_goes_on(command):
    captures = copied(command.folder / "captures")
    command.environment["LMDECODE_CONFIG"] = str(captures / "config.json")
    capture = (CAPTURES / "gs3av-settings.pcap").read_bytes()
    for number in range(300):
        path = captures / f"{number:03}.pcap"
        path.write_bytes(capture[:24] + number.to_bytes(4, "little") + capture[28:])  # each another second
        os.utime(path, (1_700_000_000, 1_700_000_000))
    process = subprocess.Popen(
        [*command.line, "export", "captures", "--to", "years"],
        cwd=command.folder, env=command.environment, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    entries = command.folder / "years" / "_lmdecode" / "captures"
    for _ in range(400):
        if entries.is_dir() and len(list(entries.iterdir())) > 3:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    last = said.splitlines()[-1]
    assert last.startswith("lmdecode: interrupted: ")
    assert last.endswith("of 302 captures are done and stay in years; the same command goes on with the others")
    done = int(last.split()[2])
    assert len(list(entries.iterdir())) in {done, done + 1}
