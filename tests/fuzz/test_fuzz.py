"""A short run of each fuzz target with a fixed seed, the inputs that crashed once, and the runner itself."""

from __future__ import annotations

import io
import signal
import time

import pytest
from hypothesis import strategies as st

from fuzz import run
from fuzz.generations import TARGETS
from fuzz.run import Crash, crash_of, main, save, saved
from fuzz.seeds import CONDITIONS, EK_EXPORTS, LOG, PCAPNGS, PCAPS
from fuzz.targets import Target
from lmdecode.analysis import filters
from lmdecode.capture import decode_capture
from lmdecode.capture.source import OpenCapture
from lmdecode.codec.v1 import speakers_with
from tests.capture.building import new_decoder

BY_NAME = {target.name: target for target in TARGETS}


def at_sign(data):
    assert b"@" not in data, "an at sign"


PLANTED = Target("planted", st.binary(), at_sign)


@pytest.mark.no_cover  # as for any property test
@pytest.mark.parametrize("name", BY_NAME)
def test_no_input_crashes(name):
    crash = crash_of(BY_NAME[name], examples=100, number=1)
    assert crash is None, f"{crash.data!r}\n{crash.trace}"


def test_what_crashed_once_does_not_crash_again():
    for name, path in saved():  # one test: without any such file there is nothing to skip
        try:
            BY_NAME[name].check(path.read_bytes())
        except Exception as error:  # noqa: BLE001 -- whichever it is, the input is named
            pytest.fail(f"{path}: {error!r}")


@pytest.mark.parametrize("data", [*PCAPS, *PCAPNGS, *EK_EXPORTS, LOG])
def test_undamaged_captures_have_records(data):
    assert list(decode_capture(OpenCapture(io.BytesIO(data)), speakers_with(new_decoder())))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_undamaged_conditions_are_understood(condition):
    filters.parse(condition.decode())


def test_a_crash_is_found_and_made_small():
    crash = crash_of(PLANTED, examples=2000, number=1)
    assert crash is not None
    assert (crash.target, crash.data) == ("planted", b"@")
    assert "an at sign" in crash.trace


def test_equal_seeds_give_equal_inputs():
    def inputs(number):
        seen = []
        crash_of(Target("seen", st.binary(), seen.append), examples=50, number=number)
        return seen

    assert inputs(1) == inputs(1) != inputs(2)


def test_a_crash_is_kept_and_the_run_fails(tmp_path, capsys):
    code = main(["--seconds", "0.5", "--seed", "1"], [PLANTED], tmp_path)
    assert code == 1
    assert [(name, path.read_bytes()) for name, path in saved(tmp_path)] == [("planted", b"@")]
    assert "planted, seed 1: b'@'" in capsys.readouterr().out


def test_a_run_without_crashes_succeeds(tmp_path, capsys):
    fine = Target("fine", st.binary(), bytes.hex)
    assert main(["--seconds", "0.1"], [fine], tmp_path) == 0
    assert list(saved(tmp_path)) == []
    assert "0 crashes" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="this system has no alarm")
def test_a_parser_that_does_not_end_is_a_crash(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "_PATIENCE", 1)
    endless = Target("endless", st.just(b""), lambda _: time.sleep(60))
    assert main(["--seconds", "0.5"], [endless], tmp_path) == 1
    assert "no end after 1 s" in capsys.readouterr().out


def test_the_same_crash_is_kept_once(tmp_path):
    paths = {save(Crash("planted", b"@", ""), tmp_path) for _ in range(2)}
    assert list(paths) == [path for _, path in saved(tmp_path)]
