from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import lmdecode


def test_version_in_every_place(command):
    assert command("--version").stdout == f"lmdecode {lmdecode.__version__}\n"


def test_help_teaches_by_example(command):
    result = command("--help")
    assert result.returncode == 0
    for name in ("decode", "identify", "explain", "registers"):
        assert f"lmdecode {name}" in result.stdout


def test_each_command_is_listed_and_can_be_loaded_alone(command):
    from lmdecode.cli.app import COMMANDS

    listed = command("--help").stdout
    for name in COMMANDS:
        assert name in listed
        assert "Usage: lmdecode " + name in command(name, "--help").stdout


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("decode", "lmdecode decode morning.pcap --config config.json"),
        ("explain", "lmdecode explain R401C000403BC04D8B6"),
        ("registers", "lmdecode registers 0x401D"),
    ],
)
def test_each_command_has_examples_that_are_not_folded(command, name, example):
    result = command(name, "--help")
    assert result.returncode == 0
    assert example in result.stdout


def test_no_command_shows_the_help(command):
    result = command()
    assert "Usage" in result.stdout + result.stderr
    assert result.returncode in {0, 2}


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("decode",),
        ("explain",),
        ("decode", "x.pcap", "--format", "xml"),
        ("decode", "x.pcap", "--port", "0"),
        ("decode", "x.pcap", "--port", "65536"),
        ("registers", "--format", "xml"),
    ],
)
def test_wrong_usage_exits_2(command, arguments):
    assert command.fails(*arguments, code=2)


ASCII = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "cp1252"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("decode", "--help"),
        ("registers",),
        ("registers", "-f", "markdown"),
        ("explain", "401C0004"),
    ],
)
def test_output_that_is_not_utf_8_is_no_traceback(command, encoding, arguments):
    command.environment |= ASCII | {"PYTHONIOENCODING": encoding}
    result = subprocess.run(
        [*command.line, *arguments], env=command.environment, cwd=command.folder, capture_output=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert len(result.stdout) > 200


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("registers",)])
def test_a_full_disk_is_one_line(command, arguments):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        result = subprocess.run(
            [*command.line, *arguments], env=command.environment, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert result.returncode == 1
    assert b"No space left" in result.stderr
    assert result.stderr.count(b"\n") == 1


def test_a_closed_standard_output_is_one_line(command):
    line = " ".join([*command.line, "registers", ">&-"])
    result = subprocess.run(line, shell=True, env=command.environment, stderr=subprocess.PIPE, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(b"lmdecode: there is nowhere to write to")
