"""What a shell is answered that completes, and what bash makes of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.cli._common import answers, completion, shells
from lmdecode.cli.app import COMMANDS, make_app
from tests.cli.conftest import KEY

CONFIG = {
    "key": KEY,
    "password": "geheim",
    "machines": [
        {"machine_name": "la kitchen", "serial_number": "GS012345", "host": "192.168.1.5", "key": KEY},
        {"machine_name": "$(touch x)", "host": "fe80::1"},
        {"machine_name": "\x1b[31mred"},
        {"machine_name": 5},
        "none",
    ],
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "machines.json"
    path.write_text(json.dumps(CONFIG))
    return path


@pytest.fixture
def ask(monkeypatch, capfd):
    """Asks as a shell does, and returns the lines."""

    def asked(line: str, shell: str = "fish") -> list[str]:
        monkeypatch.setenv("_LMDECODE_COMPLETE", shell)
        monkeypatch.setenv("_LMDECODE_LINE", f"lmdecode {line}")
        answers.answer()
        out, err = capfd.readouterr()
        assert err == ""
        return out.splitlines()

    return asked


def names(lines: list[str]) -> list[str]:
    return [line.partition("\t")[0] for line in lines]


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("deco", ["decode"]),
        ("--sh", ["--show-completion"]),
        ("--show-completion ", ["bash", "zsh", "fish", "powershell"]),
        ("registers coffee_s", ["coffee_set_temp"]),
        ("decode --fields pump_on,coffee_s", ["pump_on,coffee_set_temp"]),
        ("changes x.pcap --only=coffee_s", ["--only=coffee_set_temp"]),
        ("decode --where ki", ["kind="]),
        ("decode --where kind=wr", ["kind=write"]),
        ("decode --where kind=read,wr", ["kind=read,write"]),
        ("decode --where name=coffee_s", ["name=coffee_set_temp"]),
        ("decode --where pump_on=", ["pump_on=yes", "pump_on=no"]),
        ("decode --where prebrew_flag=preb", ["prebrew_flag=prebrewing"]),
        ("decode --where 'coffee_temp>", []),
        ("decode --format csv", ["csv", "csv-safe"]),
        ("decode --order ", ["files", "time"]),
        ("simulate --model l", ["linea-mini"]),
        ("simulate --fault wrong-k", ["wrong-key"]),
        ("simulate --generation v3 --fault close-s", ["close-stream"]),
        ("simulate --generation bluetooth --model linea-mic", ["linea-micra"]),
        ("simulate --stream i", ["items"]),
        ("config set ho", ["host"]),
        ("send steam", None),
        ("keys ch", ["check"]),
        ("config nonsense ", []),
        ("send tue_on_", ["tue_on_hour", "tue_on_min", "tue_on_time"]),
        ("send preinfusion o", ["on", "off"]),
        ("help deco", ["decode"]),
        ("help keys ", ["check"]),
        ("help decode ", []),
        ("nonsense ", []),
        ("decode --nonsense ", None),
    ],
)
def test_what_is_completed(ask, line, some):
    found = names(ask(line))
    assert some is None or found == some


def test_of_a_number_the_comparisons_are_shown(ask):
    assert names(ask("decode --where coffee_temp")) == [f"coffee_temp{each}" for each in completion._OPERATORS]


def test_a_setting_s_words_are_completed(ask):
    found = names(ask("send power "))
    assert found == ["on", "off"]


@pytest.mark.parametrize("line", ["decode ", "shots a.pcap ", "status --config ", "scan --output ", "watch --jsonl "])
def test_files_are_completed_by_the_shell_only_where_files_are_meant(ask, line):
    assert ask(line) == [":files"]
    assert ask("decode --order nothing") == []


def test_machines_are_those_of_the_config_and_no_secret_is_shown(ask, config):
    lines = ask(f"status --config {config} --machine ")
    assert names(lines) == ["la kitchen", "GS012345", "192.168.1.5", "$(touch x)", "fe80::1"]
    assert lines[0] == "la kitchen\tGS012345, 192.168.1.5"
    assert KEY not in "".join(lines)
    assert "geheim" not in "".join(lines)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"machines": 5}', '{"machines": [[]]}', '{"key": ' + "[" * 100_000, "\xff"]
)
def test_a_broken_config_is_silent(ask, tmp_path, content):
    path = tmp_path / "config.json"
    path.write_text(content, encoding="latin-1")
    assert ask(f"status --config {path} --machine ") == []
    assert ask(f"status --config {path.with_name('none.json')} --machine ") == []


def test_how_each_shell_is_answered(ask, config):
    line = f"status --config {config} --machine "
    assert ask(f"{line}la", "bash") == ["la\\ kitchen"]
    assert ask(f"{line}'la", "bash") == ["la kitchen"]
    assert ask(f"{line}$(", "bash") == ["\\$\\(touch\\ x\\)"]
    assert ask(f"{line}fe80", "zsh") == ["fe80\\:\\:1:$(touch x)"]
    assert ask("decode --where kind=wr", "bash") == ["write"]
    assert ask("decode --where 'kind=wr", "bash") == ["kind=write"]
    assert ask("decode --order t", "zsh") == ["time"]
    assert ask("decode --order t", "tcsh") == []


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_any_command_line_is_taken_apart(line):
    words, incomplete, quoted = answers._parted(f"lmdecode {line}")
    assert all("\0" not in word for word in (*words, incomplete))
    assert quoted == "" or (quoted[0] in "'\"" and line.endswith(quoted))


def test_the_list_of_commands_says_what_their_help_says():
    """It is made without loading them."""
    group = typer.main.get_command(make_app([]))
    for name, where in COMMANDS.items():
        assert answers._summary(where) == answers._plain(group.commands[name].help), name


def test_each_option_with_a_name_for_a_value_has_values():
    """Whoever adds an option that is called like one of these gives it the same values."""
    expected = {"machine": completion.machine, "model": completion.model, "where": completion.condition}

    def parameters_of(command):
        yield from command.params
        for each in getattr(command, "commands", {}).values():
            yield from parameters_of(each)

    missing = [
        parameter.opts
        for parameter in parameters_of(typer.main.get_command(make_app([])))
        if parameter.name in expected and parameter._custom_shell_complete is None
    ]
    assert missing == []


def test_a_process_answers_without_a_word_on_stderr(command):
    result = command(_LMDECODE_COMPLETE="zsh", _LMDECODE_LINE="lmdecode decode --where coffee_s")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "coffee_set_temp=:°C, 0x0007\n"
    assert command("send", "power", "on", _LMDECODE_COMPLETE="bash").stdout == "", "nothing is run"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_script_of_a_shell_by_its_name(command, shell):
    result = command("--show-completion", shell)
    assert result.returncode == 0
    assert {"bash": "complete -o", "zsh": "#compdef", "fish": "complete --command"}.get(
        shell, "Register-"
    ) in result.stdout


def test_a_shell_without_completion_is_named(command):
    assert "'tcsh' has no completion: give one of bash, zsh, fish" in command.fails("--show-completion", "tcsh", code=2)


@pytest.mark.parametrize(
    ("shell", "file", "profile"),
    [
        ("bash", ".bash_completions/lmdecode.sh", ".bashrc"),
        ("zsh", ".zfunc/_lmdecode", ".zshrc"),
        ("fish", "config/fish/completions/lmdecode.fish", None),
    ],
)
def test_a_script_is_installed_once(command, shell, file, profile):
    home = command.folder / "home"
    home.mkdir()
    if profile:
        (home / profile).write_text("# mine")
    for _ in range(2):
        said = command("--install-completion", shell)
        assert said.stdout == f"{home / file}: completion is installed; open a new {shell}\n"
    assert (home / file).read_text() == shells.SCRIPTS[shell]
    if profile:
        assert (home / profile).read_text().startswith("# mine\n")
        assert (home / profile).read_text().count("\n") == 2


@pytest.fixture
def program(command):
    """The program as a file that a shell can run, in a folder with a config."""
    (command.folder / "config.json").write_text(json.dumps(CONFIG))
    path = command.folder / "lmdecode"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -m lmdecode "$@"\n')
    path.chmod(0o755)
    return path


def run_shell(command, *line: str) -> str:
    result = subprocess.run(
        line, cwd=command.folder, env=command.environment, capture_output=True, encoding="utf-8", check=True
    )
    assert result.stderr == ""
    return result.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("line", "words", "reply"),
    [
        ("lmdecode deco", ["lmdecode", "deco"], "<decode>"),
        ("lmdecode status --machine la", ["lmdecode", "status", "--machine", "la"], "<la\\ kitchen>"),
        ("lmdecode decode --where kind=re", ["lmdecode", "decode", "--where", "kind", "=", "re"], "<read>"),
        ("lmdecode decode --order z", ["lmdecode", "decode", "--order", "z"], ""),
    ],
)
@pytest.mark.usefixtures("program")
def test_bash_completes(command, line, words, reply):
    (command.folder / "completion").write_text(shells.script_for("bash"))
    script = (
        'source ./completion; compopt() { :; }; COMP_WORDS=("${@:2}") COMP_LINE=$1 COMP_POINT=${#1}; '
        "_lmdecode_completion ./lmdecode; printf '<%s>' \"${COMPREPLY[@]}\""
    )
    assert run_shell(command, "bash", "--norc", "-c", script, "bash", line, *words) == (reply or "<>")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(command, program):
    command.environment["PATH"] = f"{program.parent}:{command.environment['PATH']}"
    script = (
        "lmdecode --show-completion fish | source; touch deco; mkdir sub; "
        "for line in 'lmdecode deco' 'lmdecode status --machine la' 'lmdecode decode --where kind=wr' "
        "'lmdecode decode --order z' 'lmdecode decode sub'; complete -C $line; echo END; end"
    )
    assert run_shell(command, "fish", "--no-config", "-c", script).split("END\n") == [
        "decode\tShow what app and machine said in a capture, in names and units\n",
        "la kitchen\tGS012345, 192.168.1.5\n",
        "kind=write\n",
        "",
        "sub/\n",
        "",
    ]


@pytest.mark.parametrize("line", ["", "decode --where ki", "status --machine ", "send ", "get coffee_t"])
def test_nothing_heavy_is_loaded(command, line):
    heavy = ["asyncio", "rich", "scapy", "zeroconf", "lmdecode.device.client", "lmdecode.codec.v1.conversation"]
    script = (
        "import sys; from lmdecode.cli._common.answers import answer; answer(); "
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    command.environment |= {"_LMDECODE_COMPLETE": "fish", "_LMDECODE_LINE": f"lmdecode {line}"}
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=command.folder,
        env=command.environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert result.stderr == "[]\n"
    assert result.stdout or "--machine" in line
