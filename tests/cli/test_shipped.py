"""`lmdecode samples` and `lmdecode addon-path`, as a user meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmdecode.app.shipped import SAMPLES
from tests.cli.conftest import Command


@pytest.fixture
def command(tmp_path):
    return Command(tmp_path)


def test_what_is_printed_next_works(command):
    printed = command("samples", "my samples").stdout
    assert f"{len(SAMPLES)} files copied to my samples: README.md, " in printed
    decode = next(line for line in printed.splitlines() if line.startswith("  lmdecode decode"))
    assert decode == "  lmdecode decode 'my samples/gs3av-settings.pcap' --config 'my samples/config.json'"
    decoded = command("decode", "my samples/gs3av-settings.pcap", "--config", "my samples/config.json")
    assert decoded.stdout.count("\n") == 94
    assert f"{len(SAMPLES)} files already in my samples" in command("samples", "my samples").stdout


def test_the_owners_file_stays(command):
    (command.folder / "captures").mkdir()
    (command.folder / "captures" / "config.json").write_text("{}")
    complaint = command.fails("samples")
    assert complaint == "lmdecode: captures/config.json differs and was kept; to replace it, add --replace\n"
    assert command("samples", "--replace").returncode == 0
    assert "of their own" in command.fails("samples", ".", code=2)


def test_the_path_of_an_addon_is_all_that_is_printed(command):
    (path,) = command("addon-path", "lm_traffic").stdout.splitlines()
    assert "addons = [TrafficAddon()]" in Path(path).read_text(encoding="utf-8")
    assert command("addon-path").stdout.splitlines()[1] == path
    assert "did you mean lm_traffic?" in command.fails("addon-path", "lm_trafic", code=2)
