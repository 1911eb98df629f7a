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


def told_by(script: str) -> list[str]:
    """What a program prints that must not fail."""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False)
    assert result.stderr == ""
    return result.stdout.splitlines()


def test_a_program_starts_by_the_shorter_way_too():
    loaded = told_by(
        "import sys\n"
        "import lmdecode\n"
        "lmdecode.decode\n"
        "print('Crypto.Cipher.AES' in sys.modules, {'cffi', 'ctypes.util', 'subprocess'} & {*sys.modules})\n"
    )
    assert loaded == ["True set()"]


def test_other_threads_import_what_they_want_meanwhile():
    """Another thread imports the same modules while they are loaded, and finds them whole."""
    told = told_by(
        "import importlib.util, sys, threading\n"
        "import lmdecode._startup as startup\n"
        "expected = {'ctypes.util': 'find_library', 'Crypto.Util._raw_api': 'load_pycryptodome_raw_lib'}\n"
        "if importlib.util.find_spec('cffi'):\n"
        "    expected['cffi'] = 'FFI'\n"
        "begun, is_over, found = threading.Event(), threading.Event(), []\n"
        "def import_all():\n"
        "    while not (is_over.is_set() and found):\n"
        "        begun.set()\n"
        "        found.append(all(hasattr(importlib.import_module(name), has) for name, has in expected.items()))\n"
        "sys.setswitchinterval(1e-6)\n"
        "thread = threading.Thread(target=import_all)\n"
        "thread.start()\n"
        "begun.wait()\n"
        "startup._load_without_cffi()\n"
        "startup.load_cipher()\n"
        "is_over.set()\n"
        "thread.join()\n"
        "print({*found}, 'Crypto.Cipher.AES' in sys.modules)\n"
    )
    assert told == ["{True} True"]


def test_what_stands_in_for_a_function_is_the_function():
    names = ("c", "no such library")
    expected = told_by(f"from ctypes.util import find_library\nprint(*map(find_library, {names}))")
    found = told_by(
        "from lmdecode._startup import load_cipher\n"
        "load_cipher()\n"
        "from Crypto.Util import _raw_api\n"
        f"print(*map(_raw_api.find_library, {names}))"
    )
    assert found == expected


def test_where_the_inside_has_changed_the_longer_way_is_taken():
    told = told_by(
        "import sys\n"
        "import lmdecode._startup as startup\n"
        "def changed(*_):\n"
        "    raise AttributeError\n"
        "startup._import = changed\n"
        "startup.load_cipher()\n"
        "print('Crypto.Cipher.AES' in sys.modules)\n"
    )
    assert told == ["True"]


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
