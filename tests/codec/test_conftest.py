"""The rule of tests/conftest.py: with LMDECODE_NO_SKIPS=1 a run with a skipped test fails and names it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SKIPPING = """
import pytest

def test_that_runs():
    assert True

@pytest.mark.skip(reason="no time today")
def test_that_is_skipped():
    assert False
"""
EXPECTED_FAILURE = """
import pytest

@pytest.mark.xfail(reason="known")
def test_known_to_fail():
    assert False
"""
SKIPPING_MODULE = """
import pytest

pytest.importorskip("a_module_that_does_not_exist")
"""


def run(folder: Path, *arguments: str, no_skips: bool, **sources: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "LMDECODE_"))}
    if no_skips:
        environment["LMDECODE_NO_SKIPS"] = "1"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, str(folder)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [("-p", "no:xdist"), ("-n", "2")], ids=["one process", "xdist"])
def test_what_is_skipped_fails_the_run_and_is_named(tmp_path, arguments):
    done = run(tmp_path, *arguments, no_skips=True, test_one=SKIPPING, test_whole=SKIPPING_MODULE)
    assert done.returncode == 1, done.stdout
    assert "test_one.py::test_that_is_skipped: no time today" in done.stdout
    assert "test_whole.py: could not import 'a_module_that_does_not_exist'" in done.stdout
    assert "1 passed, 2 skipped" in done.stdout


@pytest.mark.parametrize(
    ("source", "no_skips"), [(SKIPPING, False), (EXPECTED_FAILURE, True)], ids=["not asked for", "expected failure"]
)
def test_other_runs_are_left_alone(tmp_path, source, no_skips):
    done = run(tmp_path, "-p", "no:xdist", no_skips=no_skips, test_sample=source)
    assert done.returncode == 0, done.stdout
    assert "LMDECODE_NO_SKIPS" not in done.stdout
