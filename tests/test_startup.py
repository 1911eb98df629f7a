"""The tricks of the start and the end: each works, and what it hides is there again afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.conftest import Command


@pytest.fixture(autouse=True)
def _with_all_parts(monkeypatch):
    monkeypatch.delenv("LMDECODE_WITHOUT", raising=False)


@pytest.fixture
def command(tmp_path):
    return Command(tmp_path)


def test_a_command_starts_no_program_of_its_own_accord():
    """Libraries have `file` or a compiler tell them things that nobody here wants to know, at each start."""
    script = (
        "import contextlib, sys\n"
        "sys.addaudithook(lambda event, told: print(event, told) if event == 'subprocess.Popen' else None)\n"
        "from lmdecode.__main__ import main\n"
        "sys.argv = ['lmdecode', 'explain', 'R40000020D8']\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main()\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False)
    assert "subprocess" not in result.stdout
    assert "0x4000" in result.stdout


def test_cffi_is_only_left_out_while_the_cipher_is_loaded():
    """It takes a tenth of the start; whoever wants it afterwards gets it."""
    script = (
        "import contextlib, sys\n"
        "from lmdecode.__main__ import main\n"
        "sys.argv = ['lmdecode', 'explain', 'R40000020D8']\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main()\n"
        "print('Crypto.Cipher.AES' in sys.modules, 'cffi' in sys.modules)\n"
        "import importlib.util\n"
        "if importlib.util.find_spec('cffi'):\n"
        "    import cffi\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False)
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1] == "True False"


@pytest.mark.parametrize(("how", "told"), [((), False), (("-m", "cProfile"), True)])
def test_a_process_ends_at_once_but_not_when_it_is_profiled(command, how, told):
    result = subprocess.run(
        [sys.executable, *how, "-m", "lmdecode", "registers", "-f", "json"],
        env=command.environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert ("function calls" in result.stdout) is told
    assert '"coffee_temp"' in result.stdout


@pytest.mark.parametrize(("ending", "expected"), [("sys.exit()", 0), ("sys.exit(3)", 3), ("sys.exit('why')", 1)])
def test_how_a_process_ends(ending, expected):
    script = (
        "import atexit, sys\n"
        "import lmdecode.__main__ as program\n"
        "atexit.register(print, 'taken apart')\n"
        f"program.main = lambda: (print('done'), {ending})\n"
        "program.run()\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == expected
    assert result.stdout.splitlines() == (["done", "taken apart"] if expected == 1 else ["done"])
    assert result.stderr.strip() == ("why" if expected == 1 else "")


def test_without_the_tricks_the_output_is_the_same():
    script = (
        "import contextlib, sys\n"
        "import lmdecode.__main__ as program\n"
        "if sys.argv.pop() == 'plain':\n"
        "    program.load_cipher = lambda: None\n"
        "    program.end_at_once = lambda code: None\n"
        "sys.argv = ['lmdecode', 'explain', 'R40000020D8']\n"
        "program.run()\n"
    )
    plain, quick = (
        subprocess.run([sys.executable, "-c", script, how], capture_output=True, encoding="utf-8", check=False)
        for how in ("plain", "quick")
    )
    assert (plain.returncode, plain.stdout, plain.stderr) == (quick.returncode, quick.stdout, quick.stderr)
    assert "0x4000" in quick.stdout


DECODE = ("decode", "captures/gs3av-settings.pcap", "--key", "12345678901234567890123456789012", "-f", "jsonl")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        [*DECODE],
        [*DECODE, "--where", "coffee_temp>3"],
    ],
)
def test_what_has_to_do_with_v1_alone_does_not_load_what_others_need(arguments):
    """The start takes a sixth of a second; each of these would add some hundredths."""
    script = (
        "import contextlib, sys\n"
        "import lmdecode.__main__ as program\n"
        "program.end_at_once = lambda code: None\n"
        f"sys.argv = ['lmdecode', *{arguments!r}]\n"
        "with contextlib.suppress(SystemExit):\n"
        "    program.main()\n"
        "unwanted = ('lmdecode.codec.vocabulary', 'lmdecode.codec.secret', 'lmdecode.codec.web',\n"
        "            'lmdecode.codec.bluetooth.', 'lmdecode.codec.lion.', 'lmdecode.codec.v3.',\n"
        "            'lmdecode.capture.bluetooth', 'h11', 'wsproto', 'mitmproxy', 'html', 'email')\n"
        "print('LOADED', [name for name in sys.modules if name.startswith(unwanted)])\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False)
    assert result.stdout.splitlines()[-1] == "LOADED []", result.stderr
