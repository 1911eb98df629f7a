"""Python, lmdecode itself, and what the extras bring."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lmdecode import __version__
from lmdecode.app.doctor.finding import Finding, State, answer
from lmdecode.extras import (
    EXTRAS,
    clone_folder,
    distribution,
    environment_kind,
    install_command,
    install_packages,
    requirements,
    upgrade_command,
)
from lmdecode.project import page

_SUPPORTED: Final = page("which-generation")
_BOUND: Final = re.compile(r"(>=|<)\s*([\d.]+)")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def package() -> list[Finding]:
    """Returns the findings of Python and of lmdecode."""
    python = ".".join(map(str, sys.version_info[:3]))
    return [
        Finding("Python", State.OK, f"{python}, {environment_kind()}: {sys.executable}"),
        Finding("lmdecode", State.OK, f"{__version__}, {_origin()}"),
        _dependencies(),
        Finding("update", State.NOTE, "to get the newest lmdecode:", upgrade_command()),
        Finding("documentation", State.NOTE, f"supported machines, and everything else: {_SUPPORTED}"),
    ]


def extras() -> list[Finding]:
    """Returns a finding for each extra. Each is loaded in a process of its own, so that a broken one breaks nothing."""
    names = [name for name in EXTRAS if name != "all"]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(pool.map(_extra, names))
    if sum(finding.state is State.MISSING for finding in found) > 1:
        found.append(Finding("all", State.NOTE, "to install all extras at once:", install_command("all")))
    return found


def _origin() -> str:
    """Returns where lmdecode came from, without what an address may have of a password."""
    clone, installed = clone_folder(), distribution()
    if clone is not None:
        return f"in the clone {clone}"
    folder = Path(__file__).parents[2]
    try:
        recorded = json.loads((installed and installed.read_text("direct_url.json")) or "{}")
        parts = urlsplit(recorded.get("url", ""))
        commit = str((recorded.get("vcs_info") or {}).get("commit_id", ""))[:12]
    except (ValueError, AttributeError, TypeError, OSError):
        return f"in {folder}"
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return f"in {folder}" + (f", from {address}" if address else "") + (f" at {commit}" if commit else "")


def _dependencies() -> Finding:
    """Returns whether what lmdecode itself requires is there; most of it has been loaded by now."""
    needed = requirements(None)
    wrong = list(_wrong(needed))
    if wrong:
        command = install_packages(*needed, upgrade=True)
        return Finding("dependencies", State.BROKEN, "; ".join(text for text, _ in wrong), command)
    if not needed:
        return Finding("dependencies", State.NOTE, "not known: lmdecode runs from a folder that was not installed")
    return Finding("dependencies", State.OK, ", ".join(_versions(map(_name, needed))))


def _extra(name: str) -> Finding:
    packages, needed_by = EXTRAS[name]
    needed = requirements(name) or list(packages)
    wrong = list(_wrong(needed))
    if any(is_missing for _, is_missing in wrong):
        return Finding(name, State.MISSING, f"for {needed_by}", install_command(name))
    again = install_packages(*needed, upgrade=True)
    if wrong:
        return Finding(name, State.BROKEN, "; ".join(text for text, _ in wrong), again)
    # -P: a file of the current folder is not taken for one of the packages.
    code, said = answer([sys.executable, "-P", "-c", "import " + ", ".join(packages)])
    if code:
        last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
        why = last or f"the process ended with {code}"
        return Finding(name, State.BROKEN, f"{', '.join(packages)} cannot be loaded: {why[:200]}", again)
    return Finding(name, State.OK, f"{', '.join(_versions(packages))}: for {needed_by}")


def _versions(packages: Iterable[str]) -> list[str]:
    return [f"{name} {_version(name) or 'of no known version'}" for name in packages]


def _version(name: str) -> str | None:
    """Returns the version of a package that is installed; None if what is written about it is damaged.

    Raises:
        PackageNotFoundError: It is not installed.
    """
    try:
        found: str | None = version(name)  # None of a package whose metadata has none
    except PackageNotFoundError:
        raise
    except (ValueError, KeyError, OSError):  # not UTF-8, not metadata, not readable
        return None
    return found


def _wrong(needed: Iterable[str]) -> Iterable[tuple[str, bool]]:
    """Yields what is wrong with requirements, each with whether the package is missing altogether."""
    for requirement in needed:
        name = _name(requirement)
        try:
            found = _version(name)
        except PackageNotFoundError:
            yield f"{name} is not installed", True
            continue
        if not found:
            yield f"{name} is there, but what is written about it is damaged", False
            continue
        for operator, bound in _BOUND.findall(requirement.partition(";")[0]):
            if (_numbers(found) >= _numbers(bound)) != (operator == ">="):
                yield f"{name} {found} is installed, but {requirement} is needed", False


def _name(requirement: str) -> str:
    match = _NAME.match(requirement)
    return match[0] if match else requirement


def _numbers(text: str) -> tuple[int, ...]:
    """Returns a version's numbers, without zeros at its end: 1.7.0 is 1.7.

    >>> _numbers("1.7.0rc1"), _numbers("0.130")
    ((1, 7), (0, 130))
    """
    match = re.match(r"\d+(?:\.\d+)*", text)
    numbers = [int(each) for each in match[0].split(".")] if match else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
