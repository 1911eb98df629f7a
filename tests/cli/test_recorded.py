"""All that our client says to a machine, recorded by a real tcpdump: it decodes without a problem, each write once."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from lmdecode.codec.v1.settings import SETTINGS
from tests.cli.conftest import CAPTURES
from tests.cli.simulated import KEY, simulated

CAPTURE = CAPTURES / "gs3av-settings.pcap"
SENT = [
    "power off",
    "power on",
    "coffee_set_temp 93.5",
    "steam_set_temp 124.5",
    "steam_boiler_enable off",
    "dose 2 121",
    "dose_hot_water 9",
    "prebrew_flag preinfusion",
    "prebrewing on",
    "prebrew 1 --on 2.5 --off 3.1",
    "preinfusion on",
    "preinfusion 3 4.4",
    "preinfusion_time 2 4.5",
    "schedule tue 06:30 17:45",
    "auto_on_off tue off",
    "clock now",
    "backflush",
]
RUNNER = """
import contextlib, io, json, sys
from lmdecode.__main__ import main
ended = []
for arguments in json.load(sys.stdin):
    sys.argv = ["lmdecode", *arguments]
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    code = 0
    with contextlib.redirect_stdout(said):
        try:
            main()
        except SystemExit as end:
            code = end.code
    ended.append([code or 0, said.buffer.getvalue().decode()])
json.dump(ended, sys.stdout)
"""


def run_all(command, lines):
    """Run some commands, one after the other, in one process; exit code and output of each."""
    result = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps([list(map(str, line)) for line in lines]),
        cwd=command.folder,
        env=command.environment,
        capture_output=True,
        encoding="utf-8",
        timeout=90,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    return json.loads(result.stdout), result.stderr


@contextlib.contextmanager
def recorded(path, port):
    """Record what is said on a port of this computer."""
    line = ["tcpdump", "-i", "lo", "-U", "--immediate-mode", "-w", str(path), "tcp", "port", port]
    with subprocess.Popen(line, stderr=subprocess.PIPE) as tcpdump:
        try:
            tcpdump.stderr.readline()  # that it listens
            yield
            size = -1
            while size != path.stat().st_size:  # until nothing more comes
                size = path.stat().st_size
                time.sleep(0.2)
        finally:
            tcpdump.send_signal(signal.SIGINT)
            tcpdump.wait(10)


def test_every_setting_is_sent():
    assert {line.split()[0] for line in SENT} == SETTINGS.keys()


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may capture")
def test_what_is_recorded_of_us_decodes_without_a_problem(command):
    path = command.folder / "ours.pcap"
    with simulated(command) as machine, recorded(path, machine[3]):
        lines = [
            ["status", *machine, "--json"],
            *(["send", *line.split(), *machine, "--yes", "--json"] for line in SENT),
            ["send", "write", "0x001E", "0A", *machine, "--yes", "--json"],
            ["send", "read", "0x4000", "35", *machine],
            ["scan", *machine, "--pace", "0", "-o", "image.json"],
            ["replay", CAPTURE, *machine, "--speed", "max", "--writes", "--yes", "-f", "jsonl"],
        ]
        ended, said = run_all(command, lines)
    assert [code for code, _ in ended[:-1]] == [0] * (len(lines) - 1), said
    asked = [text for _, output in ended[1 : 1 + len(SENT)] for text in json.loads(output)["sent"]]
    assert len(asked) >= len(SENT)
    theirs = command("decode", CAPTURE, "--key", KEY, "--where", "kind=write", "--where", "sender=app")
    replayed = [json.loads(line)["plaintext"] for line in theirs.stdout.splitlines()]

    result = command("decode", path, "--port", machine[3], "--key", KEY)
    assert result.returncode == 0, result.stderr
    assert "0 problems, 0 bytes skipped" in result.stderr
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert not any(record["problems"] for record in records)
    written = [record["plaintext"] for record in records if record["kind"] == "write" and record["sender"] == "app"]
    raw = [text for text in written if text.startswith("W001E0001") and text[9:11] == "0A"]
    assert written == [*asked, *raw, *replayed]
    assert len(raw) == 1
    assert all(record["ok"] for record in records if record["kind"] == "write" and record["sender"] == "machine")
    requests = [record for record in records if record["sender"] == "app"]
    answers = [record for record in records if record["role"] == "response"]
    assert len(requests) == len(answers)
    assert len({record["stream"] for record in requests}) >= len(lines)
