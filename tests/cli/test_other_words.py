"""What is said to somebody who types what is no command."""

from __future__ import annotations

import pytest

from lmdecode.cli._common.other_words import _OTHER_WORDS
from lmdecode.cli.app import COMMANDS


def said(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("info", "No such command 'info'. Did you mean 'identify'?"),
        ("set", "'send' (to the machine) or 'config set' (in config.json)?"),
        ("mqtt", "Did you mean 'bridge'?"),
        ("wacth", "Did you mean 'watch'"),
        ("qqq", "No such command 'qqq'. `lmdecode help` lists them all."),
    ],
)
def test_another_word_for_a_command(command, typed, expected):
    assert expected in said(command.fails(typed, code=2))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("status --format json", "No such option: --format; --json is what this command has"),
        ("discover -f json", "No such option: -f; --json is what this command has"),
        ("status --fields coffee_temp", "names stand behind the command: lmdecode status coffee_temp steam_temp"),
        ("get --fields coffee_temp", "names stand behind the command: lmdecode get coffee_temp steam_temp"),
        ("--config c.json status", "options stand behind the command: lmdecode COMMAND … --config …"),
        ("send --host h power on", "options stand behind the command: lmdecode send COMMAND … --host …"),
        ("explain R40000020D8 -o x.txt", "this command prints to standard output: put > FILE behind it"),
        ("status --prot 1", "No such option: --prot (Possible options: --host, --port, --radio)"),
        ("status --qqq", "No such option: --qqq"),
    ],
)
def test_an_option_of_other_commands(command, typed, expected):
    complaint = said(command.fails(*typed.split(), code=2))
    assert expected in complaint
    assert ("Possible options" in complaint) == ("Possible options" in expected)


def test_keys_without_its_command(command):
    assert "lmdecode keys check 'my morning.pcap'" in said(command.fails("keys", "my morning.pcap", code=2))


def test_other_words_are_no_commands_and_lead_to_some():
    assert not set(_OTHER_WORDS) & set(COMMANDS)
    for meant in _OTHER_WORDS.values():
        assert meant.startswith("--") or meant.split()[0] in COMMANDS
