"""Scripts: what is read, when each command is run, and what is refused with which reason."""

from __future__ import annotations

import pytest

from lmdecode.simulator.console import Console
from lmdecode.simulator.faults import Faults
from lmdecode.simulator.machine import Machine
from lmdecode.simulator.script import Script, ScriptError, load_script, parse_script


def test_a_script_is_done_in_time():
    console, told = Console(Machine("GS3 AV"), Faults()), []
    script = Script(
        console, parse_script("1m stop\n# no\n+10s power off\n2s shot 5 # now\n+2.5s shot 1\n"), told.append
    )
    script.advance(5)
    assert [text.partition(":")[2] for text in told] == [" shot 5", " shot 1: coffee is running: stop it first"]
    assert console.machine.physics.pour.elapsed == pytest.approx(3)
    script.advance(100)
    assert not console.machine.physics.on


@pytest.mark.parametrize(
    ("text", "reason"), [("shot 1", "line 1"), ("1s brew", "line 1 of the script"), ("\n1x stop", "line 2")]
)
def test_scripts_that_cannot_be_done(text, reason):
    with pytest.raises(ScriptError, match=reason):
        Script(Console(Machine("GS3 AV"), Faults()), parse_script(text), print)


def test_script_files(tmp_path):
    (tmp_path / "bad").write_bytes(b"\xff")
    (tmp_path / "wrong").write_text("x")
    for name, reason in (("none", "No such file"), ("bad", "not UTF-8"), ("wrong", "wrong: line 1")):
        with pytest.raises(ScriptError, match=reason):
            load_script(tmp_path / name)
