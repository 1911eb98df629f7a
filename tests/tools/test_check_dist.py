"""What is said of a wheel and an sdist that are not what they should be, without building any."""

from __future__ import annotations

import doctest
import os
import sys
import tomllib

import pytest

from tests.docs.pages import ROOT
from tools import check_dist
from tools.check_dist import DistError, check_equal, python_of, run, supported, wrong_files, wrong_metadata

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HEADERS = [
    *(("Provides-Extra", name) for name in PROJECT["optional-dependencies"]),
    *(("Requires-Dist", name) for name in PROJECT["dependencies"]),
    ("Requires-Dist", "zeroconf>=0.130; extra == 'live'"),
    ("Requires-Python", PROJECT["requires-python"]),
    *(("License-File", name) for name in PROJECT["license-files"]),
]


def without(text):
    return [header for header in HEADERS if text not in header[1]]


@pytest.mark.parametrize(
    ("headers", "complaint"),
    [
        (without("parquet"), "the wheel has the extras"),
        ([*HEADERS, ("Provides-Extra", "more")], "the wheel has the extras"),
        (without(">=3.11"), "the wheel requires Python set()"),
        (without("uPlot"), "the wheel has the licenses ['LICENSE']"),
        (without("orjson"), "other packages"),
    ],
)
def test_metadata_that_says_otherwise_is_named(headers, complaint):
    (said,) = wrong_metadata(headers, PROJECT)
    assert complaint in said


def test_right_metadata_and_files_are_not_complained_of():
    assert list(wrong_metadata(HEADERS, PROJECT)) == []
    assert list(wrong_files("wheel", ["b", "a"], {"a", "b"})) == []


def test_the_examples():
    failed, tried = doctest.testmod(check_dist)
    assert not failed
    assert tried


def test_every_extra_is_tried_and_every_version_tested():
    assert set(check_dist._TRIED) == {"", *PROJECT["optional-dependencies"]}
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert f"python: {supported(PROJECT['classifiers'])}".replace("'", '"') in workflow


def test_a_python_is_found_by_running_it(tmp_path, monkeypatch):
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(DistError, match=r"no Python 3\.99 was found: install it"):
        python_of("3.99")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert run([python_of(version), "--version"]).startswith(f"Python {version}")


def test_a_program_that_fails_is_quoted():
    with pytest.raises(DistError, match=r"failed \(3\):\nfirst\nthen"):
        run(
            [
                sys.executable,
                "-c",
                "import sys; print('first'); sys.stderr.write('then'); sys.stdout.flush(); sys.exit(3)",
            ]
        )
    with pytest.raises(DistError, match="there-is-no-such-program cannot be run"):
        run(["there-is-no-such-program"])


def test_different_outputs_are_an_error():
    check_equal(["a", "a"])
    with pytest.raises(DistError, match="different bytes"):
        check_equal(["a", "b"])
