"""What docs/exploring.md shows is what the commands print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.analysis.simulated import both, byte_that_wanders, captured, flag_that_follows, shots, spoken

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "exploring.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"```console\n\$ (.*?)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^    (lmdecode .*)$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the page's captures are: an hour at the simulator, with two bytes that are on no map."""
    path = tmp_path_factory.mktemp("exploring")
    shutil.copy(ROOT / "captures" / "config.json", path)
    (path / "captures").symlink_to(ROOT / "captures")
    touch = both(flag_that_follows("pump_on", 0x400F, on=4), byte_that_wanders(0x4020))
    writes = [(600.2, "dose_k2", 121)]
    morning = captured(spoken(1, pours=list(shots(1, every=150)), writes=writes, touch=touch))
    for name in ("morning", "monday"):
        (path / f"{name}.pcap").write_bytes(morning)
    shutil.copy(ROOT / "captures" / "gs3av-settings.pcap", path / "tuesday.pcap")
    shutil.copy(ROOT / "captures" / "gs3mp-standby.pcapng", path / "evening.pcap")
    return path


def _run(line, folder, **options):
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "80",
        "TZ": "UTC",
        "PYTHONIOENCODING": "utf-8",
    }
    return subprocess.run(
        line, shell=True, cwd=folder, env=environment, encoding="utf-8", timeout=60, check=False, **options
    )


@pytest.mark.parametrize(("line", "shown"), SESSIONS, ids=[line for line, _ in SESSIONS])
def test_a_session_is_what_is_printed(folder, line, shown):
    result = _run(line, folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0
    *pieces, last = shown.split("…\n")
    position = 0
    for piece in [*pieces, last]:
        found = result.stdout.find(piece, position)
        assert found >= position, f"not printed, or not in this order:\n{piece}\n\nbut:\n{result.stdout[position:]}"
        position = found + len(piece)
    assert result.stdout.startswith(pieces[0] if pieces else last)
    assert result.stdout.endswith(last)


def test_the_other_examples_run(folder):
    assert len(COMMANDS) == 5
    codes = [0, 0, 0, 1, 0]  # --exit-code: there are differences
    for line, code in zip(COMMANDS, codes, strict=True):
        without_jq = line.partition(" | jq")[0]
        result = _run(without_jq, folder, capture_output=True)
        assert result.returncode == code, result.stderr
        assert "Traceback" not in result.stderr
    assert (folder / "monday.json").is_file()


def test_every_command_of_the_page_is_shown():
    for name in ("memory", "changes", "diff", "unknowns"):
        assert any(line.startswith(f"lmdecode {name} ") for line, _ in SESSIONS)
