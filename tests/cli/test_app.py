from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import typer

import lmdecode
from lmdecode.cli.app import make_app
from tests.cli.conftest import CAPTURES, KEY


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


def test_the_commands_are_in_four_groups_the_common_ones_first(command):
    from lmdecode.cli.app import PANELS

    assert [title.partition(":")[0] for title in PANELS] == ["Captures", "Explore", "Credentials", "Live", "Set up"]
    listed = command("--help").stdout.splitlines()
    start = next(index for index, line in enumerate(listed) if line.startswith("╭─ Captures"))
    heads = [line.strip("╭─╮ ") for line in listed[start:] if line.startswith("╭")]
    names = [line.split()[1] for line in listed[start:] if line.startswith("│ ") and line[2] != " "]
    assert heads == list(PANELS)
    assert names == [name for commands in PANELS.values() for name in commands]


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (("decoed", "x.pcap"), "Did you mean 'decode'?"),
        (("registers", "cofee_temp"), "did you mean coffee_temp?"),
        (("shots", "x.pcap", "--format", "tabel"), "did you mean table?"),
        (("changes", "x.pcap", "--fields", "cofee_temp"), "did you mean coffee_temp?"),
        (("decode", "x.pcap", "--where", "knid=read"), "did you mean kind?"),
    ],
)
def test_a_wrong_name_suggests_the_nearest(command, arguments, suggestion):
    result = command(*arguments, COLUMNS="200")
    assert suggestion in result.stderr
    assert result.returncode == (1 if arguments[0] == "registers" else 2)


def test_json_is_a_short_form_and_json_and_jsonl_mean_the_same(command):
    whole = command("registers", "temp", "--format", "json").stdout
    assert whole.startswith("[")
    for form in (["--json"], ["-f", "jsonl"], ["-f", "JSON"], ["--json", "-f", "json"], ["--json", "-o", "-"]):
        assert command("registers", "temp", *form).stdout == whole
    assert "give one of them" in command.fails("registers", "--json", "-f", "markdown", code=2)


@pytest.mark.parametrize(
    "name", ["changes", "decode", "diff", "identify", "keys check", "memory", "registers", "shots", "unknowns"]
)
def test_each_command_with_formats_has_the_short_form(command, name):
    told = command(*name.split(), "--help", COLUMNS="200").stdout
    assert "--format" in told
    assert "Short for --format json" in told
    assert "standard output" in told


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


def test_help_has_no_quotation_mark_of_markdown(command):
    """A line of a docstring that begins with > would be one."""
    told = command("wireshark-plugin", "--help").stdout
    assert "tshark -G folders" in told
    assert "▌" not in told


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


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("shots {av} --key 123", "--key: the key has 3 bytes"),
        ("report {av} -o x.html --config nope.json", "there is no file nope.json"),
        ("identify {av} --json -f table", "give one of them"),
        ("explain foo", "'foo' is not a message"),
        ("explain 0x4000-35", "is not a range of addresses: write 0x4000, 0x4000-0x4022"),
        ("memory {av} --key {key} --at 25:00", "--at '25:00': a time is written 02:55"),
        ("memory {av} --key {key} --machine office", "--machine office: {av} has 192.168.1.215"),
        ("diff {av} --key {key} --from +5s --to +2s", "--to +2s is before --from +5s"),
        ("changes {av} --key {key} --range 4000", "write 0x4000, 0x4000-0x4022, 0x4000..0x4022 or 0x4000+35"),
        ("keys check {av}", "no key: give --key or --config"),
    ],
)
def test_what_cannot_be_meant_exits_2(command, line, complaint):
    names = {"av": CAPTURES / "gs3av-settings.pcap", "key": KEY}
    said = command.fails(*(word.format(**names) for word in line.split()), code=2, COLUMNS="300")
    assert complaint.format(**names) in said
    assert not list(command.folder.iterdir())


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
    line = f"{command.shell('registers')} >&-"
    result = subprocess.run(line, shell=True, env=command.environment, stderr=subprocess.PIPE, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(b"lmdecode: nothing can be written")


def commands_of(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, (*path, name))
        else:
            yield (*path, name), {option for parameter in command.params for option in parameter.opts}


def test_whatever_has_a_format_has_json_as_a_short_form_of_it():
    found = dict(commands_of(typer.main.get_command(make_app([]))))
    with_format = {path for path, options in found.items() if "--format" in options}
    assert {("decode",), ("config", "show"), ("replay",), ("keys", "check")} <= with_format
    assert [path for path in with_format if "--json" not in found[path]] == []


def test_json_shows_the_configuration_as_json(command):
    (command.folder / "config.json").write_text('{"host": "192.168.1.7"}')
    assert json.loads(command("config", "show", "--json").stdout) == {"host": "192.168.1.7"}
    said = command.fails("config", "show", "--json", "--format", "text", code=2)
    assert "--json is --format json, which is not --format text" in said
