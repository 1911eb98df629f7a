"""What docs/live.md shows is what the commands do, with a simulated machine."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lmdecode.codec.v1.settings import SETTINGS
from tests.cli.conftest import Command
from tests.cli.simulator_process import own_serial, write_image

PAGE = (Path(__file__).parents[1] / "docs" / "live.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
SESSIONS = [
    (line, shown)
    for block in BLOCKS
    for line, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]
LINES = re.findall(r"^    (lmdecode .*)$", PAGE, re.MULTILINE)
CONFIG = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])
USUAL = "1774"


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """The walk-through of the page, as far as its second terminal: a command that runs in its folder.

    Also the port and the serial number of the simulated machine, which nobody else's machine has.
    """
    command = Command(tmp_path_factory.mktemp("live"))
    serial = own_serial()
    write_image(command.folder / "image.json", serial=serial)
    with subprocess.Popen(
        [*command.line, "simulate", "--port", "0", "--quiet", "--image", "image.json"],
        cwd=command.folder, env=command.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
    ) as simulator:  # fmt: skip
        try:
            first = simulator.stdout.readline()
            assert first.startswith("listening on"), first
            port = first.strip().rpartition(":")[2]
            (command.folder / "config.json").write_text(json.dumps(CONFIG | {"port": port}))
            yield command, port, serial
        finally:
            simulator.kill()


def run(command, line, **options):
    environment = command.environment | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.Popen(
        line.replace("lmdecode ", f"{command.shell()} "),
        shell=True, cwd=command.folder, env=environment, stdin=subprocess.DEVNULL, start_new_session=True,
        stdout=subprocess.PIPE, encoding="utf-8", **options,
    )  # fmt: skip


def squeezed(text):
    """A text whose columns may be as wide as they like."""
    return re.sub(r"[ \t]+", " ", text).replace(" \n", "\n")


def printed_by(walk, line):
    """What a command prints, which must succeed. Looks for machines until ours is there; others are left out."""
    command, _, serial = walk
    for _ in range(5):
        process = run(command, line, stderr=None if "|" in line else subprocess.STDOUT)
        printed, _ = process.communicate(timeout=60)
        if "discover" not in line or serial in printed:
            break
    assert process.returncode == 0, (line, printed)
    if "discover" in line:
        table, _, rest = printed.partition("\n\n")
        head, *rows = table.splitlines()
        printed = "\n".join([head, *(row for row in rows if serial in row), "", rest])
    return printed


def test_what_is_shown_is_what_is_printed(walk):
    _, port, serial = walk
    assert len(SESSIONS) >= 8
    for line, shown in SESSIONS:
        if "discover" in line:
            pytest.importorskip("zeroconf")
        printed = printed_by(walk, line)
        pieces = [
            squeezed(piece).strip() for piece in re.split("…", shown.replace(USUAL, port).replace("GS000000", serial))
        ]
        left = squeezed(printed).strip()
        for piece in pieces:
            found = left.find(piece)
            assert found >= 0, f"{line}: not printed, or not in this order:\n{piece}\n\nbut:\n{left[:3000]}"
            left = left[found + len(piece) :]


def test_what_a_user_ends_runs_until_then(walk):
    command, port, _ = walk
    assert LINES == ["lmdecode simulate", "lmdecode watch"]
    for line in LINES:
        own = f"{line} --port {port if 'watch' in line else 0}"
        process = run(command, f"exec {own}", stderr=subprocess.PIPE)
        try:
            assert process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            _, complaints = process.communicate(timeout=20)
            assert process.returncode == 0
            assert "Traceback" not in complaints
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_the_table_has_every_setting(walk):
    command, _, _ = walk
    table = PAGE.partition("| command | example |")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert named == {*SETTINGS, "read", "write"}
    for example in re.findall(r"`(send [^`]*)`", table):
        process = run(command, f"lmdecode {example} --dry-run", stderr=subprocess.STDOUT)
        printed, _ = process.communicate(timeout=60)
        assert process.returncode == 0, (example, printed)
        assert printed.startswith(("R", "W")), (example, printed)
