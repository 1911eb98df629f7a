"""Whatever is raised by whomever, a command ends in one line; and Ctrl-C ends it at any moment."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from unittest.mock import Mock

import pytest

from lmdecode.cli.app import make_app
from lmdecode.render.records import format_named
from tests.cli.conftest import CAPTURES

CAPTURE = CAPTURES / "gs3av-settings.pcap"
FAILURES = {
    "RuntimeError": RuntimeError("hush"),
    "AssertionError": AssertionError("hush"),
    "RecursionError": RecursionError("hush"),
    "ValueError": ValueError("hush"),
    "ImportError": ImportError("hush", name="hush"),
    "struct.error": __import__("struct").error("hush"),
}
NO_MEMORY = [
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    ImportError("libarrow.so: failed to map segment from shared object"),
    RuntimeError("can't start new thread"),
]


@pytest.fixture
def ended(monkeypatch, capfd):
    """Run a command that raises; its exit code and what it says."""

    def run(error):
        def fail(*_, **__):
            raise error

        monkeypatch.setattr("lmdecode.app.explain.read_quoted", fail)
        with pytest.raises(SystemExit) as ending:
            make_app(["explain"])(["explain", "R40000020D8"], prog_name="lmdecode")
        return ending.value.code, capfd.readouterr().err

    return run


@pytest.mark.parametrize("name", FAILURES)
def test_an_error_of_ours_or_of_a_library(ended, name, monkeypatch):
    monkeypatch.delenv("LMDECODE_TRACEBACK", raising=False)
    code, said = ended(FAILURES[name])
    (line,) = said.splitlines()
    assert code == 1
    assert line.startswith(f"lmdecode: {name} at lmdecode/cli/explain.py:")
    assert "please report it" in line
    assert "hush" not in line  # its text may quote a key


@pytest.mark.parametrize("error", NO_MEMORY, ids=lambda error: type(error).__name__)
def test_memory_that_ran_out(ended, error):
    code, said = ended(error)
    assert (code, len(said.splitlines())) == (1, 1)
    assert "memory ran out" in said


def test_where_it_was_raised_is_shown_to_who_asks(ended, monkeypatch):
    monkeypatch.setenv("LMDECODE_TRACEBACK", "1")
    code, said = ended(RuntimeError("hush \x1b[2J"))
    assert code == 1
    assert "Traceback" in said
    assert "hush" in said
    assert "\x1b" not in said


def test_ctrl_c(ended):
    assert ended(KeyboardInterrupt()) == (130, "lmdecode: interrupted\n")


PATCHED = """
import sys, threading
import lmdecode.__main__ as program
sys.argv = ["lmdecode", *sys.argv[2:]]
class Held:
    def __del__(self):
        raise RuntimeError("hush")
def fail():
    raise RuntimeError("hush")
import lmdecode.cli.app
old = lmdecode.cli.app.make_app
def make_app(arguments):
    {how}
    return old(arguments)
lmdecode.cli.app.make_app = make_app
program.run()
"""


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("fail()", 1),  # before any command
        ("thread = threading.Thread(target=fail); thread.start(); thread.join()", 0),
        ("held = Held(); del held", 0),
        ("raise MemoryError", 1),
        ("raise KeyboardInterrupt", 130),
    ],
)
def test_where_nobody_catches_it(how, code):
    result = subprocess.run(
        [sys.executable, "-c", PATCHED.format(how=how), "lmdecode", "explain", "R40000020D8"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == code
    (line,) = result.stderr.splitlines()
    assert line.startswith("lmdecode: ")
    assert "hush" not in line


WATCHED = (
    "import sys, signal; sys.argv[0] = {name!r}; import lmdecode.__main__; print(repr(signal.getsignal(signal.SIGINT)))"
)


def handler(name, **options):
    line = [sys.executable, "-c", WATCHED.format(name=name)]
    return subprocess.run(line, capture_output=True, encoding="utf-8", check=True, **options).stdout


def test_who_deals_with_ctrl_c_while_modules_load():
    """The system does, in silence; not for a program that imports this, nor where somebody has said otherwise."""
    assert "SIG_DFL" in handler("/usr/bin/lmdecode")
    assert "default_int_handler" in handler("/usr/bin/pytest")
    ignored = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    assert "SIG_IGN" in handler("/usr/bin/lmdecode", **ignored)


@pytest.mark.parametrize("delay", [0.03, 0.08, 0.13, 0.2, 0.3, 0.4])
def test_ctrl_c_at_some_moment(command, delay):
    """What Python does before the first line of ours is not ours to mend, and has no file of ours in it."""
    with subprocess.Popen(
        [*command.line, "decode", "-", "--key", "1" * 32],
        env=command.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
    assert process.returncode in {-signal.SIGINT, 1, 130}
    assert said in {"", "lmdecode: interrupted\n"} or "/lmdecode/" not in said.replace("/lmdecode/__init__.py", "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory so")
def test_little_memory(command, config):
    """With hardly more than Python itself needs, what is read is read, or one line says why not."""
    for kilobytes in (45_000, 60_000):
        line = f"ulimit -v {kilobytes}; exec {command.shell('decode', CAPTURE, '--config', config)}"
        result = subprocess.run(
            ["sh", "-c", line], env=command.environment, capture_output=True, encoding="utf-8", check=False
        )
        if result.returncode == 127 or "Fatal Python error" in result.stderr or result.returncode < 0:
            continue  # not even Python started
        assert "lmdecode/" not in result.stderr, result.stderr
        assert result.returncode in {0, 1}


def test_a_library_that_finds_no_memory_is_not_called_missing(monkeypatch):
    full = ImportError("lib.so: failed to map segment from shared object", name="lib")
    monkeypatch.setattr("lmdecode.render.records.import_module", Mock(side_effect=full))
    with pytest.raises(ImportError) as raised:
        format_named("parquet")
    assert raised.value is full
