"""`lmdecode decode` as a whole process: on terminals, in pipes, with what users get wrong."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import time

import pytest

from tests.cli.conftest import CAPTURES

PCAP = CAPTURES / "gs3av-settings.pcap"
PCAPNG = CAPTURES / "gs3mp-standby.pcapng"
JSON = CAPTURES / "gs3av-settings.tshark.json"
SUMMARY = re.compile(
    r"[\d,]+ packets?, \d+ connections?, \d+ frames?, \d+ messages?, \d+ problems?, \d+ bytes? skipped"
)


def records(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def on_a_terminal(command, *arguments, width=80):
    """Run a command with its output on a pseudo-terminal; what it showed."""
    master, slave = pty.openpty()
    environment = command.environment | {"COLUMNS": str(width), "TERM": "xterm-256color"}
    with subprocess.Popen(
        [*command.line, *map(str, arguments)], cwd=command.folder, env=environment, stdout=slave, stderr=slave
    ) as process:
        os.close(slave)
        shown = b""
        try:
            while piece := os.read(master, 65536):
                shown += piece
        except OSError:  # Linux says so when the other end is closed
            pass
    os.close(master)
    return process.returncode, shown.decode()


def test_piped_it_is_json_lines(command, config):
    result = command("decode", PCAP, "--config", config)
    assert result.returncode == 0
    lines = records(result)
    assert len(lines) == 94
    assert [line["plaintext"] for line in lines[:3]] == ["R40000023DB", "R0000001FE9", "R0310001DEB"]
    assert {line["stream"] for line in lines} == {0}
    assert lines[9]["fields"]["coffee_set_temp"] == 96.2
    assert lines[9]["role"] == "response"
    assert result.stderr == ("142 packets, 1 connection, 94 frames, 94 messages, 0 problems, 0 bytes skipped\n")


def test_on_a_terminal_it_is_a_table_in_colour(command, config):
    code, shown = on_a_terminal(command, "decode", PCAP, "--config", config)
    assert code == 0
    assert "\x1b[" in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown).replace("\r", "")
    assert "connection 0: app 192.168.1.150:36364 ↔ machine 192.168.1.215:1774" in plain
    assert "took coffee_set_temp" in plain
    assert max(map(len, plain.splitlines())) <= 80
    assert SUMMARY.fullmatch(plain.splitlines()[-1])


def test_the_three_kinds_of_capture_say_the_same(command, config):
    one, other = (records(command("decode", path, "--config", config)) for path in (PCAP, JSON))
    assert one == other


def test_several_captures_have_streams_of_their_own(command, config):
    result = command("decode", PCAP, PCAPNG, JSON, "--config", config)
    assert result.returncode == 0
    connections = [(line["capture"], line["stream"]) for line in records(result)]
    assert list(dict.fromkeys(connections)) == [(str(path), 0) for path in (PCAP, PCAPNG, JSON)]
    assert "3 connections" in result.stderr


def test_a_table_into_a_file_is_plain_and_named_by_capture(command, config):
    path = command.folder / "out.txt"
    result = command("decode", PCAP, PCAPNG, "--config", config, "--format", "table", "--output", path)
    assert (result.returncode, result.stdout) == (0, "")
    text = path.read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert str(PCAP) in text
    assert str(PCAPNG) in text


def test_an_output_file_is_whole_and_has_ordinary_rights(command, config):
    path = command.folder / "out.jsonl"
    command("decode", PCAP, "--config", config, "--output", path)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 94
    assert [entry.name for entry in command.folder.iterdir()] == ["out.jsonl"]
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_an_output_file_of_a_failure_is_not_there(command):
    path = command.folder / "out.jsonl"
    path.write_text("what was there\n")
    command.fails("decode", PCAP, "--key", "short", "--output", path, code=2)
    assert path.read_text() == "what was there\n"
    assert [entry.name for entry in command.folder.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("target", ["nowhere/out.jsonl", "."])
def test_an_output_that_cannot_be_written(command, config, target):
    complaint = command.fails("decode", PCAP, "--config", config, "--output", target)
    assert complaint.startswith("lmdecode: --output")


def test_the_wrong_key(command):
    complaint = command.fails("decode", PCAP, "--key", "x" * 32)
    assert "0 of 94 frames have a valid check byte: wrong key? (it is from --key)" in complaint
    lines = records(command("decode", PCAP, "--key", "x" * 32))
    assert len(lines) == 94
    assert all(line["problems"] and line["raw"] for line in lines), "no frame disappears"


def test_no_key(command):
    complaint = command.fails("decode", PCAP, code=2)
    assert "no key: give --key or --config, set LMDECODE_KEY, run `lmdecode harvest` to find it, or put" in complaint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello, this is no capture", "is not a capture"),
        (b"{}", "JSON"),
        (b"[1, 2]", "JSON"),
        (b"\x1f\x8b\x08\x00", "gzip"),
    ],
)
def test_a_file_that_is_no_capture(command, config, content, words):
    path = command.folder / "x.pcap"
    path.write_bytes(content)
    complaint = command.fails("decode", path, "--config", config)
    assert words in complaint
    assert len(complaint.splitlines()) == 1


def test_a_file_that_is_not_there_and_a_folder(command, config):
    assert "does not exist" in command.fails("decode", "nowhere.pcap", "--config", config)
    assert "is a directory" in command.fails("decode", command.folder, "--config", config)


def test_a_capture_that_is_cut_off(command, config):
    path = command.folder / "cut.pcap"
    path.write_bytes(PCAP.read_bytes()[:-1500])
    result = command("decode", path, "--config", config)
    assert result.returncode == 1
    assert "is cut off in the middle of packet" in result.stderr
    whole = records(command("decode", PCAP, "--config", config))
    part = records(result)
    assert 80 < len(part) < 94
    assert part == whole[: len(part)]


def test_one_bad_file_among_good_ones(command, config):
    result = command("decode", "nowhere.pcap", PCAPNG, "--config", config)
    assert result.returncode == 1
    assert len(records(result)) == 46
    assert "nowhere.pcap does not exist" in result.stderr


def test_nothing_on_the_port_names_the_ports_that_are_there(command, config):
    complaint = command.fails("decode", PCAP, "--config", config, "--port", "80")
    assert "nothing on TCP port 80" in complaint
    assert "1774 (142 packets)" in complaint
    assert "try --port 1774" in complaint


def test_a_closed_pipe_is_silent(command, config):
    with subprocess.Popen(
        [*command.line, "decode", PCAP, PCAP, PCAP, PCAP, "--config", config],
        cwd=command.folder,
        env=command.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@contextlib.contextmanager
def in_the_middle(command, config):
    """A decode into out.jsonl that has begun and waits for more to come; the process."""
    fifo = command.folder / "slow.pcap"
    os.mkfifo(fifo)
    with (
        subprocess.Popen(
            [*command.line, "decode", fifo, "--config", config, "--output", "out.jsonl"],
            cwd=command.folder,
            env=command.environment,
            stderr=subprocess.PIPE,
        ) as process,
        fifo.open("wb") as pipe,
    ):  # returns when the other end was opened: decoding has begun
        pipe.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        pipe.flush()
        deadline = time.monotonic() + 10
        while not list(command.folder.glob(".out.jsonl.*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield process
    assert [entry.name for entry in command.folder.iterdir()] == ["slow.pcap"]


def test_ctrl_c_is_one_line_and_leaves_no_file(command, config):
    with in_the_middle(command, config) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b"lmdecode: interrupted\n"
    assert process.returncode == 130


def test_no_key_in_any_output(command):
    key = "12345678901234567890123456789012"
    for arguments in ((PCAP,), (PCAP, "--format", "table"), ("nowhere.pcap",), (PCAP, "--port", "80")):
        result = command("decode", *arguments, LMDECODE_KEY=key)
        assert key not in result.stdout + result.stderr


def test_whole_process_times(command, config):
    """Generous: other tests run beside this one. Measured alone they take a tenth and two thirds of it."""
    command.environment.pop("LMDECODE_WITHOUT", None)
    for limit, arguments in ((0.5, ("--version",)), (2.0, ("decode", PCAP, "--config", config))):
        best = min(_time(command, arguments) for _ in range(3))
        assert best < limit, f"{arguments} took {best:.2f} s"


def _time(command, arguments):
    start = time.perf_counter()
    assert command(*arguments).returncode == 0
    return time.perf_counter() - start


@pytest.mark.parametrize("link", [False, True])
def test_the_output_is_never_what_is_read(command, config, link):
    own = command.folder / "own.pcap"
    own.write_bytes(PCAP.read_bytes())
    given = own
    if link:
        given = command.folder / "link.pcap"
        given.symlink_to(own)
    assert "which is read" in command.fails("decode", given, "--config", config, "--output", own)
    assert own.read_bytes() == PCAP.read_bytes()


def test_the_output_is_never_the_config(command, config):
    own = command.folder / "config.json"
    own.write_bytes(config.read_bytes())
    assert "which is read" in command.fails("decode", PCAP, "--output", own)
    assert "which is read" in command.fails("decode", PCAP, "--key", "x" * 32, "--config", own, "--output", own)
    assert own.read_bytes() == config.read_bytes()


@pytest.mark.parametrize("arguments", [("nowhere.pcap",), (PCAP, "--port", "5"), (PCAP, "--key", "x" * 32)])
@pytest.mark.parametrize("format_", ["jsonl", "pcapng", "exported-pdu", "csv"])
def test_when_nothing_was_decoded_an_old_output_stays(command, arguments, format_):
    path = command.folder / "out"
    path.write_text("what was there\n")
    key = {} if "--key" in arguments else {"LMDECODE_KEY": "12345678901234567890123456789012"}
    command.fails("decode", *arguments, "--format", format_, "--output", path, **key)
    assert path.read_text() == "what was there\n"
    assert [entry.name for entry in command.folder.iterdir()] == ["out"]


def test_traffic_without_a_whole_frame_is_a_failure(command, config):
    path = command.folder / "junk.pcap"
    path.write_bytes(PCAP.read_bytes().replace(b"%", b"!"))
    complaint = command.fails("decode", path, "--config", config)
    assert "no whole frame in what was said on TCP port 1774" in complaint


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_json_lines_are_utf_8_whatever_the_locale(command, config, encoding):
    plain = command("decode", PCAP, "--config", config)
    other = command("decode", PCAP, "--config", config, PYTHONIOENCODING=encoding)
    assert (other.returncode, other.stdout) == (0, plain.stdout)
    assert "°" in plain.stdout
    table = command("decode", PCAP, "--config", config, "--format", "table", PYTHONIOENCODING=encoding)
    assert (table.returncode, table.stdout) == (0, command("decode", PCAP, "--config", config, "-f", "table").stdout)


def test_a_closed_pipe_is_silent_for_a_table_too(command, config):
    line = f"{command.shell('decode', PCAP, '--config', config, '--format', 'table')} | head -1"
    result = subprocess.run(
        f"set -o pipefail; {line}",
        shell=True,
        executable="/bin/bash",
        env=command.environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, b"Error" in result.stderr) == (0, False)


def test_being_terminated_leaves_no_file(command, config):
    with in_the_middle(command, config) as process:
        process.terminate()
        process.wait(10)
    assert process.returncode == 143


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_both_wireshark_formats_by_their_commands(command, config):
    for name in ("pcapng", "exported-pdu"):
        result = command("decode", PCAP, PCAPNG, "--config", config, "--format", name, "--output", f"{name}.pcapng")
        assert result.returncode == 0
        assert "210 packets" in result.stderr
    command("wireshark-plugin", "--output", "plugin.lua")

    def tshark(*arguments):
        return subprocess.run(
            ["tshark", *arguments], cwd=command.folder, capture_output=True, text=True, check=True
        ).stdout.splitlines()

    comments = tshark("-r", "pcapng.pcapng", "-T", "fields", "-e", "frame.comment")
    assert len(comments) == 210
    assert "machine took power" in "\n".join(comments)
    plugin = ("-X", "lua_script:plugin.lua", "-r", "exported-pdu.pcapng", "-Y", "lamarzocco.coffee_temp > 97")
    found = tshark(*plugin, "-T", "fields", "-e", "lamarzocco.coffee_temp")
    records_ = [*records(command("decode", PCAP, PCAPNG, "--config", config))]
    expected = [record["fields"]["coffee_temp"] for record in records_ if record["fields"].get("coffee_temp", 0) > 97]
    assert [float(value) for value in found] == expected
    assert expected


def test_pcapng_refuses_what_would_leave_packets_out(command, config):
    assert "every packet" in command.fails(
        "decode", PCAP, "--config", config, "-f", "pcapng", "--where", "ok=no", code=2
    )
