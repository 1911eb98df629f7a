from __future__ import annotations

import pytest

import lmdecode


def test_version_in_every_place(command):
    assert command("--version").stdout == f"lmdecode {lmdecode.__version__}\n"


def test_help_teaches_by_example(command):
    result = command("--help")
    assert result.returncode == 0
    for name in ("decode", "explain", "registers"):
        assert f"lmdecode {name}" in result.stdout


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
