"""Python environments of programs that we did not write, made by the tests that use them, once."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@cache
def python_since(minor: int) -> str | None:
    """Return a Python that is 3.`minor` or newer; None if there is none.

    Each is run, not only found: pyenv has shims for versions that are not there.
    """
    known = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"))
    for python in [*(f"python3.{each}" for each in range(minor, minor + 4)), *map(str, known)]:
        check = f"import sys, venv; sys.exit(sys.version_info < (3, {minor}))"
        try:
            if not subprocess.run([python, "-c", check], capture_output=True, timeout=20, check=False).returncode:
                return python
        except OSError:
            continue
    return None


def environment(name: str, requirements: Sequence[str], *, python: int, given: str) -> Path:
    """Return the Python of an environment, which is made if need be; else the test is skipped.

    Args:
        name: What its folder is called, after `.venv-`.
        requirements: What is installed into it.
        python: The minor version of Python that it needs at least.
        given: The environment variable that may name one which is there already.
    """
    if there := os.environ.get(given):
        return Path(there) / "bin" / "python" if Path(there).is_dir() else Path(there)
    folder = ROOT / f".venv-{name}"
    made, ready = folder / "bin" / "python", folder / "ready"
    with (ROOT / f".venv-{name}.lock").open("w") as lock:  # tests may run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            base = python_since(python)
            if base is None:
                pytest.skip(f"no Python 3.{python}, which {requirements[0]} needs")
            pip = [str(made), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
            for step in ([base, "-m", "venv", "--clear", str(folder)], pip):
                done = subprocess.run(step, capture_output=True, text=True, timeout=300, check=False)
                if done.returncode:
                    pytest.skip(f"{requirements[0]} cannot be had: {done.stderr.strip().splitlines()[-1:]}")
            ready.touch()
    return made
