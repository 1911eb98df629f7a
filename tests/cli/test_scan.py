"""`lmdecode scan` as a process: its image, its end, going on, and what it complains about."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import stat
import subprocess

import pytest

from lmdecode.app.files import load_image
from lmdecode.codec.v1.image import MemoryImage, image_text
from lmdecode.codec.v1.memory import Answer, Region
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.simulator.machine import default_memory
from tests.cli.simulated import simulated, wait_for_log

SECRET = next(row for row in REGISTERS if row.secret)


def begin(command, *arguments, stderr=subprocess.PIPE):
    return subprocess.Popen(
        [*command.line, "scan", *map(str, arguments)],
        cwd=command.folder,
        env=command.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
    )


def test_the_known_memory_into_a_file_that_simulate_reads(command):
    with simulated(command, "--model", "GS3 MP") as machine:
        result = command("scan", *machine, "--pace", "0")
        again = command("scan", *machine, "--pace", "0", "--json", "-o", "again.json")
    assert result.returncode == 0
    assert re.fullmatch(
        r"the image goes into scan-GS\d+-[\d-]+\.json, in this folder; --output names another file\n", result.stderr
    )
    name = re.match(
        r"(scan-GS000001-\d{8}-\d{6}\.json): 411 bytes read, 0 silent, 0 echoing; largest piece 48 bytes; "
        r"\d+ requests, \d\.\d s\n\Z",
        result.stdout,
    )[1]
    image = load_image(command.folder / name)
    assert (image.model, image.serial) == ("GS3 MP", "GS000001")
    assert image.source == f"scan of 127.0.0.1:{machine[3]}"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", image.made)
    assert image.memory.read(0x0020, 44) == default_memory("GS3 MP").read(0x0020, 44)
    assert not image.memory.knows(SECRET.address)
    told = json.loads(again.stdout)
    assert {"file", "requests", "connections", "seconds"} <= told.keys()
    assert (told["read"], told["silent"], told["echo"], told["left"], told["largest_piece"]) == (411, 0, 0, 0, 48)
    with simulated(command, "--image", name) as machine:
        shown = json.loads(command("status", *machine, "--json").stdout)
    assert (shown["machine_ser_num"], shown["total_coffee"]) == ("GS000001", 0x24C)


def test_what_gives_nothing_is_told_and_kept(command):
    with simulated(command) as machine:
        result = command("scan", "0x01FE", "0x0202", "0x4000+0x23", *machine, "-o", "a.json", "--pace", "0")
        resumed = command("scan", "0x01FE..0x01FF", "0x0200-0x0201", "0x4000+35", *machine, "-o", "a.json")
    assert result.stdout.splitlines()[:2] == ["0x01FE to 0x01FF: silent", "0x0200 to 0x0201: echo of the request"]
    assert "35 bytes read, 2 silent, 2 echoing" in result.stdout
    regions = load_image(command.folder / "a.json").memory.regions
    assert regions == (Region(0x01FE, 2, Answer.SILENT), Region(0x0200, 2, Answer.ECHO))
    assert "39 of 39 bytes are known from a.json" in resumed.stderr
    assert "35 bytes read, 2 silent, 2 echoing" in resumed.stdout


def test_ctrl_c_keeps_what_was_read_and_the_next_run_goes_on(command):
    ranges = ["0x0000+0x1F", "0x0020+0x2C", "0x1000+0x1000"]
    with simulated(command) as machine:
        process = begin(command, *ranges, *machine, "--output", "half way.json", "--pace", "0.01")
        wait_for_log(command, "app read 10")
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=10)
        assert process.returncode == 130, complaints
        assert "Traceback" not in complaints
        said = re.search(r"half way\.json has (\d+) of 4,171 bytes; to go on, with the same options: (.*)", complaints)
        assert said[2] == "lmdecode scan 0x0000+0x1F 0x0020+0x2C 0x1000+0x1000 --resume 'half way.json'"
        image = load_image(command.folder / "half way.json")
        assert sum(len(data) for _, data in image.memory.runs()) == 0x1F + 0x2C
        result = command("scan", *ranges[:2], "0x4000+4", *machine, "--resume", "half way.json", "--pace", "0")
    assert result.returncode == 0, result.stderr
    assert "75 of 79 bytes are known from half way.json" in result.stderr
    assert load_image(command.folder / "half way.json").memory.knows(0x4000, 4)
    assert [path.name for path in command.folder.iterdir() if path.suffix == ".part"] == []


def test_sigterm_keeps_what_was_read(command):
    with simulated(command) as machine:
        process = begin(command, "0x0020+0x2C", "0x1000+0x1000", *machine, "--output", "a.json", "--pace", "0")
        wait_for_log(command, "app read 10")
        process.terminate()
        _, complaints = process.communicate(timeout=10)
    assert process.returncode == 143
    assert "Traceback" not in complaints
    assert load_image(command.folder / "a.json").memory.knows(0x0020, 0x2C)


def test_a_machine_that_goes_away_leaves_what_was_read(command):
    with simulated(command, "--fault", "delay=0.1") as machine:
        process = begin(command, "0x0020+0x2C", "0x1000+0x1000", *machine, "-o", "a.json", "--timeout", "0.3")
        wait_for_log(command, "app read 10")
    assert "; trying again in 0.2 s" in process.stderr.readline()
    process.send_signal(signal.SIGINT)  # it would go on trying for a minute or two
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in complaints
    assert load_image(command.folder / "a.json").memory.knows(0x0020, 0x2C)


def test_the_account_is_read_only_if_asked_for(command):
    with simulated(command) as machine:
        result = command("scan", "0x0100+0x60", *machine, "-o", "a.json", "--pace", "0")
        assert "the machine's own cloud account (0x0111 to 0x014F) is left out; --secrets reads it" in result.stderr
        assert not load_image(command.folder / "a.json").memory.knows(SECRET.address)
        result = command("scan", "0x0100+0x60", *machine, "-o", "a.json", "--secrets", "--pace", "0")
        assert "a.json will hold the machine's own cloud account (0x0111 to 0x014F): do not pass it on" in result.stderr
        assert "not-a-password" not in result.stdout + result.stderr
        path = command.folder / "a.json"
        assert b"not-a-password" in load_image(path).memory.read(SECRET.address, SECRET.size)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        command("scan", "0x0150+0x1C", *machine, "--resume", "a.json", "--pace", "0")
        assert load_image(path).memory.knows(SECRET.address, SECRET.size)  # once there, it stays, and stays private
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_machines_image_is_refused(command):
    with simulated(command) as machine:
        command("scan", "0x0020+4", *machine, "-o", "a.json")
    before = (command.folder / "a.json").read_text()
    with simulated(command, "--model", "GS3 MP") as machine:
        said = command.fails("scan", "0x0020+4", *machine, "--resume", "a.json")
        assert "a.json is of the machine GS000000, and this is GS000001: name another file" in said
        (command.folder / "b.json").write_text(image_text(MemoryImage(model="GS3 AV")))
        assert "b.json is of a GS3 AV, and this is a GS3 MP" in command.fails("scan", *machine, "-o", "b.json")
        (command.folder / "b.json").write_text(image_text(MemoryImage(source="scan of 192.168.1.215:1774")))
        said = command.fails("scan", *machine, "-o", "b.json")
        assert "may be of another machine: it is a scan of 192.168.1.215:1774, and this is a scan of 127.0.0.1" in said
    assert (command.folder / "a.json").read_text() == before


def test_a_bar_on_a_terminal(command):
    ours, theirs = pty.openpty()
    with simulated(command) as machine:
        process = begin(command, "0x0000+0x1F", *machine, "-o", "a.json", stderr=theirs)
        os.close(theirs)
        shown = b""
        while b"31/31" not in shown:
            shown += os.read(ours, 4096)
        process.communicate(timeout=10)
    os.close(ours)
    assert b"scan" in shown


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["0x0200", "0x0200"], "the second is the address after the last byte"),
        (["hello", "0x10"], "'hello' is not a range of addresses: write 0x4000, 0x4000-0x4022"),
        (["0xFFFF+2"], "'0xFFFF+2' goes beyond the last address"),
        (["0x0000+x"], "'0x0000+x' is not a range"),
        (["--finest", "64", "--largest", "48"], "--finest 64 is more than --largest 48"),
    ],
)
def test_what_cannot_be_meant(command, arguments, complaint):
    assert complaint in command.fails("scan", *arguments, "--host", "127.0.0.1", "--key", "x" * 32, code=2)


def test_the_end_of_memory_may_be_an_end(command):
    said = command.fails("scan", "FFF0", "0x10000", "--host", "127.0.0.1", "--port", "1", "--key", "x" * 32, code=3)
    assert "127.0.0.1:1 refuses the connection" in said


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (".", "is a folder"),
        ("nowhere/a.json", "cannot be written: No such file or directory"),
        ("config.json", "config.json is not a memory image"),
    ],
)
def test_an_output_that_cannot_be(command, output, complaint):
    (command.folder / "config.json").write_text(json.dumps({"key": "x" * 32, "host": "127.0.0.1"}))
    before = (command.folder / "config.json").read_text()
    assert complaint in command.fails("scan", "--port", "1", "--output", output)
    assert (command.folder / "config.json").read_text() == before


def test_nothing_but_secrets_is_no_scan(command):
    """Without a connection: there is no machine here."""
    error = command.fails("scan", "0x0111+0x10", "--host", "127.0.0.1:9", "--key", "0" * 32)
    assert (
        "the machine's own cloud account (0x0111 to 0x014F) is all that was asked for: add --secrets to read it"
        in error
    )
    assert list(command.folder.iterdir()) == []
