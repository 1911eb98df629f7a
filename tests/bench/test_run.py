"""How the benchmark runs a command, and which races it chooses."""

from __future__ import annotations

import doctest
import sys

import pytest

from bench import races, run
from bench.captures import make_fleet
from bench.races import Case, Plan, Race
from bench.run import is_chosen, raced


@pytest.fixture(autouse=True)
def _work(monkeypatch, tmp_path):
    monkeypatch.setattr(races, "WORK", tmp_path)


def test_the_examples():
    assert doctest.testmod(run).failed == 0


def test_each_race_is_chosen_by_its_own_name():
    names = Plan(1, 20).races
    assert all(is_chosen(name, [name]) for name in names)
    assert not any(is_chosen(name, ["no such race"]) for name in names)


def test_a_command_is_timed(tmp_path):
    left = tmp_path / "left"
    left.mkdir()
    (result,) = raced(Race("naps", [Case("a nap", "sleep 0.1", 2, fresh=left)]), [])
    assert len(result.runs) == 2
    assert all(each.seconds >= 0.1 > each.cpu_seconds for each in result.runs)
    assert not left.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a running process is looked up in /proc")
def test_the_memory_of_the_first_process_is_not_that_of_its_children():
    child = f"{sys.executable} -c 'x = bytearray(80 << 20); import time; time.sleep(0.1)'"
    alone, together = (run.run(Case("both", f"{child}; true", 1, own_memory=own)).megabytes for own in (True, False))
    assert 0 < alone < 40
    assert together > 80


def test_what_fails_is_left_out_with_its_last_line_and_the_others_run_on(tmp_path):
    command = f"echo x >> {tmp_path}/runs; echo first >&2; echo no luck >&2; exit 3"
    failed = []
    results = raced(Race("luck", [Case("a failure", command, 3), Case("nothing", "true", 2)]), failed)
    assert [(result.name, len(result.runs)) for result in results] == [("nothing", 2)]
    assert failed == ["luck: a failure failed (3): no luck"]
    assert (tmp_path / "runs").read_text() == "x\n"


def test_a_peer_that_is_not_there_is_left_out(monkeypatch):
    monkeypatch.setattr(races.shutil, "which", lambda _: None)
    monkeypatch.setattr(races, "make_haystack", lambda path, *_: path.touch())
    plan = Plan(2, 20)
    race = plan.race("needle in a haystack")
    assert [case.name for case in race.cases] == ["lmdecode"]
    assert plan.left_out == [f"needle in a haystack: {each}, which is not installed" for each in ("tcpdump", "tshark")]


def test_no_two_captures_of_a_fleet_are_the_same(tmp_path):
    make_fleet(tmp_path / "fleet", 12, 4)
    contents = [path.read_bytes() for path in sorted((tmp_path / "fleet").iterdir())]
    assert len(set(contents)) == len(contents) == 12
    assert len({content[40:] for content in contents}) > 2
