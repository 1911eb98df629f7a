"""`lmdecode decode`: which records, which fields, which format_, which order, in how many processes."""

from __future__ import annotations

import csv
import io
import json
import os
import select
import signal
import struct
import subprocess
import time

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from lmdecode.analysis.columns import field_kinds, record_columns
from lmdecode.cli.app import make_app
from tests.cli.test_decode import JSON, PCAP, PCAPNG, on_a_terminal, records

TEXTS = ("table", "jsonl", "csv")
FORMATS = (*TEXTS, "parquet")
TEMPERATURES = ("--fields", "coffee_temp,steam_temp")


def decoded(command, config, format_, *arguments):
    """The rows that a format has, read back; values as JSON has them, absent ones left out."""
    path = command.folder / f"out.{format_}"
    result = command("decode", *arguments, "--config", config, "--format", format_, "--output", path)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    if format_ == "csv":
        with path.open(encoding="utf-8", newline="") as file:
            return [_typed(row) for row in csv.DictReader(file)]
    if format_ == "parquet":
        return [
            {name: value for name, value in row.items() if name in field_kinds() and value is not None}
            for row in pq.read_table(path).drop_columns(["time"]).to_pylist()
        ]
    return [json.loads(line)["fields"] for line in path.read_text(encoding="utf-8").splitlines()]


def _typed(row):
    read = {
        "integer": int,
        "number": float,
        "string": str,
        "boolean": {"true": True, "false": False}.get,
        "array": lambda text: [] if text == "none" else text.split(),
    }
    return {name: read[field_kinds()[name].type](text) for name, text in row.items() if name in field_kinds() and text}


@pytest.mark.parametrize("capture", [PCAP, PCAPNG, JSON], ids=lambda path: path.suffix)
def test_every_format_has_the_same_values_of_every_kind_of_capture(command, config, capture):
    expected = decoded(command, config, "jsonl", capture)
    assert any(expected)
    for format_ in ("csv", "parquet"):
        assert decoded(command, config, format_, capture) == expected, format_


@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet"])
def test_chosen_fields_only_and_records_that_have_one(command, config, format_):
    rows = decoded(command, config, format_, PCAP, *TEMPERATURES, "--fields", "power")
    assert len(rows) > 20
    assert all(row and row.keys() <= {"coffee_temp", "steam_temp", "power"} for row in rows)
    assert any("power" in row for row in rows)


def test_csv_has_the_columns_that_were_chosen(command, config):
    result = command("decode", PCAP, "--config", config, "-f", "csv", *TEMPERATURES)
    header = next(csv.reader(io.StringIO(result.stdout)))
    assert header == [*record_columns(), "coffee_temp", "steam_temp"]
    assert len(next(csv.reader(io.StringIO(command("decode", PCAP, "--config", config, "-f", "csv").stdout)))) == len(
        [*record_columns(), *field_kinds()]
    )


def test_a_table_shows_chosen_values_that_it_else_leaves_out(command, config):
    arguments = ("decode", PCAP, "--config", config, "-f", "table")
    assert "pump_on no" not in command(*arguments).stdout
    assert "pump_on no" in command(*arguments, "--fields", "pump_on").stdout


def test_conditions_are_all_to_be_fulfilled(command, config):
    lines = records(command("decode", PCAP, "--config", config, "--where", "kind=write", "--where", "sender=app"))
    assert lines
    assert {(line["kind"], line["sender"]) for line in lines} == {("write", "app")}
    warm = records(command("decode", PCAP, "--config", config, "--where", "coffee_temp>95"))
    assert warm
    assert all(line["fields"]["coffee_temp"] > 95 for line in warm)
    assert not records(command("decode", PCAP, "--config", config, "--where", "time=03:00.."))


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("order", ["files", "time"])
def test_the_summary_says_how_many_were_shown_of_what_was_read(command, config, order, jobs):
    choice = ("--where", "kind=write", "--order", order, "--jobs", jobs)
    result = command("decode", PCAP, PCAPNG, "--config", config, *choice)
    shown = len(records(result))
    assert shown
    assert f"140 messages, 0 problems, 0 bytes skipped, {shown} shown\n" in result.stderr
    assert "shown" not in command("decode", PCAP, "--config", config).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--fields", "cofee_temp"), "did you mean coffee_temp?"),
        (("--where", "knid=write"), "no record has 'knid'"),
        (("--where", "coffee_temp"), "compare it with something"),
        (("--format", "cvs"), "did you mean csv?"),
        (("--jobs", "-1"), "--jobs"),
        (("--order", "size"), "'time'"),
    ],
)
def test_what_is_not_understood_is_a_usage_error(command, config, arguments, words):
    assert words in command.fails("decode", PCAP, "--config", config, *arguments, code=2)


def test_a_pattern_that_no_shell_expanded(command, config):
    for name in ("b.pcap", "a.pcap"):
        (command.folder / name).write_bytes(PCAP.read_bytes())
    result = command("decode", "*.pcap", "--config", config, "--format", "table")
    assert result.stdout.index("a.pcap") < result.stdout.index("b.pcap")
    assert "*.pcapng does not exist" in command.fails("decode", "*.pcapng", "--config", config)


def test_by_time_all_records_are_in_order_and_streams_are_told_apart(command, config):
    lines = records(command("decode", PCAPNG, PCAP, "--config", config, "--order", "time"))
    assert len(lines) == 46 + 94
    times = [line["time"] for line in lines]
    assert times == sorted(times)
    assert {(line["capture"], frozenset((line["source"], line["destination"]))) for line in lines} == {
        (str(PCAP), frozenset({"192.168.1.150:36364", "192.168.1.215:1774"})),
        (str(PCAPNG), frozenset({"192.168.1.150:40862", "192.168.1.215:1774"})),
    }


@pytest.mark.parametrize("format_", FORMATS)
def test_several_processes_write_what_one_does(command, config, format_):
    captures = [PCAP, PCAPNG, "nowhere.pcap", JSON, PCAP]
    out, complaints = [], []
    for jobs in (1, 3, 0):
        path = command.folder / f"{jobs}.out"
        result = command("decode", *captures, "--config", config, "-f", format_, "-o", path, "--jobs", jobs)
        assert result.returncode == 1
        out.append(path.read_bytes())
        complaints.append(result.stderr)
    assert out[0] == out[1] == out[2]
    assert complaints[0] == complaints[1] == complaints[2]
    assert "4 connections" in complaints[0]


@pytest.mark.parametrize(
    "arguments",
    [TEMPERATURES, ("--where", "stream=0", "--where", "capture=*standby*"), ("--where", "kind=write", "-f", "csv")],
)
def test_several_processes_choose_what_one_does(command, config, arguments):
    one, two = (
        command("decode", PCAP, PCAPNG, "--config", config, "--jobs", jobs, *arguments).stdout for jobs in (1, 2)
    )
    assert one == two
    assert one.count("\n") > 2


def test_jobs_with_the_wrong_key_and_with_none(command):
    assert "0 of 188 frames" in command.fails("decode", PCAP, PCAP, "-j", 2, "--key", "x" * 32)
    assert "no key" in command.fails("decode", PCAP, PCAP, "-j", 2, code=2)


def test_parquet_through_a_pipe_is_a_whole_file_and_not_for_a_terminal(command, config):
    result = subprocess.run(
        [*command.line, "decode", PCAP, "--config", config, "--format", "parquet"],
        cwd=command.folder,
        env=command.environment,
        capture_output=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert pq.read_table(io.BytesIO(result.stdout)).num_rows == 94
    code, shown = on_a_terminal(command, "decode", PCAP, "--config", config, "--format", "parquet")
    assert code == 2
    assert "--output FILE.parquet" in shown


def test_without_pyarrow_the_extra_is_named_and_no_file_is_left(command, config):
    blocker = command.folder / "blocked" / "pyarrow.py"
    blocker.parent.mkdir()
    blocker.write_text("raise ModuleNotFoundError(\"No module named 'pyarrow'\", name='pyarrow')\n")
    arguments = ("decode", PCAP, "--config", config, "--output", "out.x", "--format")
    complaint = command.fails(*arguments, "parquet", PYTHONPATH=str(blocker.parent))
    assert complaint.startswith("lmdecode: Parquet needs pyarrow, which is not installed: ")
    assert "pip install" in complaint
    assert complaint.count("\n") == 1
    assert [entry.name for entry in command.folder.iterdir()] == ["blocked"]
    assert command(*arguments, "csv", PYTHONPATH=str(blocker.parent)).returncode == 0


@pytest.mark.parametrize("format_", TEXTS)
def test_from_a_pipe_each_record_is_shown_as_it_comes(command, config, format_):
    """The end of the capture is held back: what came before it must be out already."""
    content = PCAP.read_bytes()
    fifo = command.folder / "live"
    os.mkfifo(fifo)
    with (
        subprocess.Popen(
            [*command.line, "decode", fifo, "--config", config, "--format", format_],
            cwd=command.folder,
            env=command.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process,
        fifo.open("wb") as pipe,
    ):
        pipe.write(content[:-2000])
        pipe.flush()
        shown = _read_until_silent(process.stdout)
        pipe.write(content[-2000:])
        pipe.close()
        shown += process.stdout.read()
    whole = command("decode", PCAP, "--config", config, "--format", format_).stdout
    assert process.returncode == 0
    assert shown.decode() == whole


def _read_until_silent(stream):
    """What comes within ten seconds, up to the first second without more; there must be much of it."""
    shown = b""
    while select.select([stream], [], [], 10 if not shown else 1)[0]:
        piece = os.read(stream.fileno(), 65536)
        assert piece, "it ended before its input did"
        shown += piece
    assert len(shown) > 1000
    return shown


@pytest.mark.parametrize("format_", FORMATS)
def test_ctrl_c_leaves_what_was_there(command, config, format_):
    fifo, path = command.folder / "slow.pcap", command.folder / "out"
    os.mkfifo(fifo)
    path.write_text("what was there")
    with (
        subprocess.Popen(
            [*command.line, "decode", fifo, "--config", config, "--output", path, "--format", format_],
            cwd=command.folder,
            env=command.environment,
            stderr=subprocess.PIPE,
        ) as process,
        fifo.open("wb") as pipe,
    ):
        pipe.write(PCAP.read_bytes()[:-2000])
        pipe.flush()
        wait_for(lambda: list(command.folder.glob(".out.*")))
        process.send_signal(signal.SIGINT)
        complaint = process.stderr.read().decode()
    assert (complaint, process.returncode) == ("lmdecode: interrupted\n", 130)
    assert path.read_text() == "what was there"
    assert sorted(entry.name for entry in command.folder.iterdir()) == ["out", "slow.pcap"]


def test_ctrl_c_ends_the_workers_too_and_leaves_no_files(command, config):
    """The capture is large enough to be still decoded when the signal comes, which goes to all processes at once."""
    folder = command.folder / "tmp"
    folder.mkdir()
    large = large_capture(command.folder)
    with subprocess.Popen(
        [*command.line, "decode", large, large, "--config", config, "--output", "out.jsonl", "--jobs", "2"],
        cwd=command.folder,
        env=command.environment | {"TMPDIR": str(folder)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        wait_for(lambda: list(folder.glob("lmdecode-*/*")))
        os.killpg(process.pid, signal.SIGINT)
        complaint = process.stderr.read().decode()
    assert (complaint, process.returncode) == ("lmdecode: interrupted\n", 130)
    assert list(folder.iterdir()) == []
    assert [entry.name for entry in command.folder.iterdir() if "out" in entry.name] == []
    assert not is_there(process.pid)


def test_workers_end_with_the_process_that_started_them(command, config):
    large = large_capture(command.folder)
    with subprocess.Popen(
        [*command.line, "decode", *[large] * 3, "--config", config, "--output", "out.jsonl", "--jobs", "3"],
        cwd=command.folder,
        env=command.environment | {"TMPDIR": str(command.folder)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        wait_for(lambda: len(list(command.folder.glob("lmdecode-*/*"))) == 3)  # each has begun
        process.kill()
    wait_for(lambda: not is_there(process.pid))


def large_capture(folder, copies=1500):
    """A capture that takes some seconds to decode."""
    path, content = folder / "large.pcap", PCAP.read_bytes()
    with path.open("wb") as file:
        file.write(content[:24])
        for _ in range(copies):
            file.write(content[24:])
    return path


def is_there(group):
    """Whether any process of a group still runs; one that ended but was not waited for does not."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, encoding="utf-8", check=True).stdout
    return any(line.split()[0] == str(group) and not line.split()[1].startswith("Z") for line in listed.splitlines())


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("ending", "start"),
    [("json", b'{"time":'), ("JSONL", b'{"time":'), ("csv", b"time,"), ("parquet", b"PAR1"), ("pcapng", b"\n\r\r\n")],
)
def test_the_ending_of_the_output_chooses_a_format(ending, start, config, tmp_path):
    path = tmp_path / f"all.{ending}"
    line = ["decode", str(PCAP), "--config", str(config), "--output", str(path)]
    assert CliRunner().invoke(make_app(["decode"]), line).exit_code == 0
    assert path.read_bytes().startswith(start)
    assert CliRunner().invoke(make_app(["decode"]), [*line, "--format", "csv"]).exit_code == 0
    assert path.read_bytes().startswith(b"time,")


def test_an_output_that_is_no_file_takes_every_format(command, config):
    for format_ in FORMATS:
        assert command("decode", PCAP, "--config", config, "-f", format_, "-o", "/dev/null").returncode == 0


def test_a_number_of_a_capture_with_nanoseconds_and_nothing_on_the_port(command, config):
    path = command.folder / "empty.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
    complaint = command.fails("decode", path, path, "--config", config, "--jobs", "2")
    assert complaint.count("no TCP traffic at all") == 2


@pytest.mark.parametrize("line", [("decode", "--format", "jsonl"), ("decode", "--format", "csv"), ("memory",)])
def test_a_file_that_may_hold_secrets_is_its_owners_alone(command, config, line):
    path = command.folder / "out"
    result = command(*line, PCAP, "--config", config, "--output", path, "--show-secrets")
    assert result.returncode == 0, result.stderr
    assert path.stat().st_mode & 0o777 == 0o600
