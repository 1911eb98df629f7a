"""`make check-dist`: builds the sdist and the wheel, and checks that both can be used by somebody who has nothing else.

1. The sdist is built, and the wheel from the sdist.
2. Each holds what it should and nothing else, and the wheel names the extras of pyproject.toml.
3. The tests in the unpacked sdist are collected, and some of them run.
4. On each Python that pyproject.toml names, the wheel is installed bare, and once with each extra, into a virtual
   environment of its own. There `pip check` finds all that is required, `lmdecode --version` is right, the samples and
   addons that the wheel has are found, a sample decodes to the same bytes everywhere, `lmdecode doctor` finds nothing
   broken and the extra there, and the extra's own part works.
5. In the bare one, the command that a message has for a missing extra installs it.

Pythons are looked for on the path and where pyenv and uv keep theirs. One that is missing is an error.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
_SOME_TESTS: Final = (
    "tests/codec/v1/test_decoder.py",
    "tests/fuzz",
    "tests/tools",
)  # they use what is outside lmdecode
_LINES: Final = 30  # of a program that failed
_SHARED: Final = re.compile(r"^[^/]+\.data/data/share/man/")  # before the names of what is installed beside the package
_ADDED_TO_SDIST: Final = {"PKG-INFO"}
_CAPTURE: Final = "captures/gs3av-settings.pcap"  # where `lmdecode samples` puts it
_CONFIG: Final = "captures/config.json"
_ADDON: Final = "the path of lm_traffic"
_SMALL: Final = ("live", "login", "mqtt")  # extras that are installed by the command of a message in little time
_DECODE: Final = ("decode", _CAPTURE, "--config", _CONFIG)
_TRIED: Final[dict[str, Sequence[str]]] = {
    "": ("lmdecode", *_DECODE, "--format", "csv"),
    "bluetooth": ("python", "-c", "import bleak, lmdecode.device.bluetooth"),
    "bumble": ("python", "-c", "import bleak, bumble, lmdecode.simulator.bluetooth"),
    "dask": ("python", "-c", "import lmdecode.dask, distributed"),
    "dataset": ("lmdecode", "export", _CAPTURE, "--config", _CONFIG, "--to", "years"),
    "gs": ("python", "-c", "import gcsfs, lmdecode.app.dataset.places"),
    "http": ("python", "-c", "import aiohttp, lmdecode.app.dataset.places"),
    "live": ("python", "-c", "import zeroconf, lmdecode.device.discovery"),
    "login": ("python", "-c", "import authlib, requests, lmdecode.cloud.login"),
    "mitm": ("mitmdump", "--no-server", "--rfile", "no.flow", "--scripts", _ADDON),
    "mqtt": ("python", "-c", "import aiomqtt, lmdecode.app.mqtt"),
    "parquet": ("lmdecode", *_DECODE, "--format", "parquet", "--output", "all.parquet"),
    "polars": (
        "python",
        "-c",
        f"import lmdecode; assert lmdecode.to_polars(lmdecode.decode({_CAPTURE!r}, config={_CONFIG!r})).height",
    ),
    "s3": ("python", "-c", "import s3fs, lmdecode.app.dataset.places"),
    "sftp": ("python", "-c", "import paramiko, lmdecode.app.dataset.places"),
    "all": ("lmdecode", *_DECODE, "--format", "parquet", "--output", "all.parquet"),
    "docs": ("mkdocs", "--version"),
    "notebooks": ("jupyter", "lab", "--version"),
    "dev": ("python", "-m", "pytest", "--version"),
}
"""What each extra is for, as a command; the first is of lmdecode alone."""
_USERS: Final = (
    "bluetooth",
    "bumble",
    "dask",
    "dataset",
    "gs",
    "http",
    "live",
    "login",
    "mitm",
    "mqtt",
    "parquet",
    "polars",
    "s3",
    "sftp",
)  # that the doctor looks at


class DistError(Exception):
    """Something is wrong with what was built."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build and check. Returns the exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras, versions = sorted(project["optional-dependencies"]), supported(project["classifiers"])
    parser = argparse.ArgumentParser(prog="python -m tools.check_dist", description=__doc__.partition("\n")[0])
    parser.add_argument("--python", action="append", choices=versions, help="only this version; may be repeated")
    parser.add_argument("--extra", action="append", choices=extras, help="bare and with this extra; may be repeated")
    parser.add_argument("--bare", action="store_true", help="without any extra")
    options = parser.parse_args(arguments)
    chosen = [] if options.bare else options.extra or extras
    try:
        pythons = {version: python_of(version) for version in options.python or versions}
        with tempfile.TemporaryDirectory(prefix="check-dist-") as folder:
            sdist, wheel = build(ROOT / "dist")
            say(f"built {sdist.name} and {wheel.name}")
            check_contents(sdist, wheel, project)
            check_sdist_tests(sdist, Path(folder))
            outputs = {
                try_installed(wheel, python, extra, Path(folder) / f"{version}-{extra or 'bare'}", project["name"])
                for version, python in pythons.items()
                for extra in ("", *chosen)
            }
        check_equal(outputs)
    except DistError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    say("all is well")
    return 0


def say(line: str) -> None:
    """Print what was done, at once."""
    print(line, flush=True)


# ---- which Pythons


def supported(classifiers: Collection[str]) -> list[str]:
    """The versions of Python that a project names.

    >>> supported(["Programming Language :: Python :: 3 :: Only", "Programming Language :: Python :: 3.11"])
    ['3.11']
    """
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", each) for each in classifiers)
    return [match[1] for match in found if match]


def python_of(version: str) -> str:
    """An interpreter of a version, such as "3.12".

    Raises:
        DistError: There is none.
    """
    for candidate in _candidates(version):
        # Run, not only found: pyenv has shims for versions that are not installed.
        try:
            done = run([candidate, "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"])
        except DistError:
            continue
        if done.strip() == version:
            return candidate
    raise DistError(f"no Python {version} was found: install it (pyenv install {version}), or leave it out (--python)")


def _candidates(version: str) -> Iterator[str]:
    """Where it may be."""
    yield sys.executable
    yield from filter(None, (shutil.which(f"python{version}"), shutil.which("python3")))
    homes = (
        Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions",
        Path.home() / ".local" / "share" / "uv" / "python",
    )
    for home in homes:
        yield from map(str, sorted(home.glob(f"*{version}*/bin/python3"), reverse=True))


# ---- what was built


def build(folder: Path) -> tuple[Path, Path]:
    """Build both into an empty folder: the sdist from the project, the wheel from the sdist.

    Raises:
        DistError: It cannot be built.
    """
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "build", "--outdir", folder, ROOT])
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def check_contents(sdist: Path, wheel: Path, project: dict[str, Any]) -> None:
    """Compare what was built with the project.

    Raises:
        DistError: Something is missing, or too much.
    """
    tracked = set(run(["git", "-C", ROOT, "ls-files"]).splitlines())
    with tarfile.open(sdist) as archive:
        members = [member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()]
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        info = next(name.partition("/")[0] for name in names if ".dist-info/" in name)
        metadata = email.message_from_bytes(packed.read(f"{info}/METADATA"))
        entries = packed.read(f"{info}/entry_points.txt").decode()
    faults = [
        *wrong_files("sdist", members, tracked | _ADDED_TO_SDIST),
        *wrong_files(
            "wheel",
            [_SHARED.sub("", name) for name in names if not name.startswith(info)],
            in_wheel(tracked, project["name"]),
        ),
        *wrong_metadata(metadata.items(), project),
        *(f"the wheel has no command {name}" for name in project["scripts"] if f"{name} = " not in entries),
    ]
    if faults:
        raise DistError("\n  ".join(["what was built is not what it should be:", *faults]))
    say(f"the sdist has {len(members)} files, the wheel {len(names)}; extras: {', '.join(sorted(extras_of(project)))}")


def in_wheel(tracked: Collection[str], package: str) -> set[str]:
    """The files of the repository that a wheel has.

    They are the package, what it ships beside its code, and the manual pages, which are installed as man1/….

    >>> sorted(in_wheel(["README.md", "lmdecode/py.typed", "man/lmdecode.1"], "lmdecode"))
    ['lmdecode/py.typed', 'man1/lmdecode.1']
    """
    manual = {name.replace("man/", "man1/", 1) for name in tracked if name.startswith("man/")}
    own = {name for name in tracked if name.startswith(f"{package}/")}
    shipped = {
        name
        for name in tracked
        if name.startswith(("captures/", "mitm_addons/")) and not name.startswith("captures/make")  # their scripts
    }
    return own | manual | {f"{package}/shipped/{name}" for name in shipped}


def wrong_files(what: str, found: Collection[str], wanted: Collection[str]) -> Iterator[str]:
    """Name the files that are missing, and those that should not be there.

    >>> list(wrong_files("wheel", ["a", "b"], ["b", "c"]))
    ['the wheel lacks c', 'the wheel should not have a']
    """
    for name in sorted({*wanted} - {*found}):
        yield f"the {what} lacks {name}"
    for name in sorted({*found} - {*wanted}):
        yield f"the {what} should not have {name}"


def extras_of(project: dict[str, Any]) -> set[str]:
    """The names of the extras of a project."""
    return set(project["optional-dependencies"])


def wrong_metadata(headers: Collection[tuple[str, str]], project: dict[str, Any]) -> Iterator[str]:
    """Name what a wheel's metadata says otherwise than pyproject.toml."""

    def all_of(name: str) -> set[str]:
        return {value for key, value in headers if key == name}

    if all_of("Provides-Extra") != extras_of(project):
        yield f"the wheel has the extras {sorted(all_of('Provides-Extra'))}"
    if all_of("Requires-Python") != {project["requires-python"]}:
        yield f"the wheel requires Python {all_of('Requires-Python')}"
    licenses = {path.rpartition("/")[2] for path in all_of("License-File")}
    if licenses != {path.rpartition("/")[2] for path in project["license-files"]}:
        yield f"the wheel has the licenses {sorted(licenses)}"
    required = sum(";" not in value or "extra ==" not in value for key, value in headers if key == "Requires-Dist")
    if required != len(project["dependencies"]):
        yield f"the wheel requires {required} other packages, pyproject.toml {len(project['dependencies'])}"


def check_sdist_tests(sdist: Path, folder: Path) -> None:
    """Collect the tests of the unpacked sdist, and run some of them there.

    Raises:
        DistError: They lack something.
    """
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(unpacked)}
    collected = run([*pytest, "--collect-only"], cwd=unpacked, env=environment).splitlines()[-1]
    passed = run([*pytest, *_SOME_TESTS], cwd=unpacked, env=environment).splitlines()[-1]
    say(f"in the unpacked sdist: {collected}; {passed}")


# ---- what is installed


def try_installed(wheel: Path, python: str, extra: str, folder: Path, name: str) -> str:
    """Install the wheel into a new environment, and try it there, away from the project.

    Returns:
        A digest of what a sample capture decodes to.

    Raises:
        DistError: It cannot be installed, or does not work.
    """
    begun = time.monotonic()
    environment = folder / "venv"
    run([python, "-m", "venv", environment])
    bin_folder = environment / ("Scripts" if os.name == "nt" else "bin")
    pip: list[str | Path] = [bin_folder / "python", "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", f"{wheel}[{extra}]" if extra else wheel])
    run([*pip, "check"])
    within = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "LMDECODE"))}
    within |= {"PATH": os.pathsep.join([str(bin_folder), within.get("PATH", "")]), "HOME": str(folder), "TZ": "UTC"}

    def tried(command: Sequence[str]) -> str:
        return run([bin_folder / command[0], *command[1:]], cwd=folder, env=within)

    version = wheel.name.split("-")[1]
    if tried(["lmdecode", "--version"]).split()[-1] != version:
        raise DistError(f"lmdecode --version is not {version}")
    where = tried(["python", "-c", f"import {name}; print({name}.__file__)"])
    if not where.startswith(str(environment)):
        raise DistError(f"the package was imported from {where.strip()}, not from the wheel")
    tried(["lmdecode", "samples"])
    addon = tried(["lmdecode", "addon-path", "lm_traffic"]).strip()
    decoded = tried(["lmdecode", *_DECODE, "--format", "jsonl"])
    if not decoded:
        raise DistError("a sample capture decodes to nothing")
    (folder / "no.flow").touch()
    for purpose in {"", extra}:
        tried([addon if word == _ADDON else word for word in _TRIED[purpose]])
    check_doctor(extra, lambda: json.loads(tried(["lmdecode", "doctor", "--json"])), within)
    said = tried(["python", "--version"]).strip()
    seconds = time.monotonic() - begun
    say(f"{said}, {extra or 'bare'}: {len(decoded.splitlines())} messages, {seconds:.0f} s")
    shutil.rmtree(folder)
    return hashlib.sha256(decoded.encode()).hexdigest()


def check_doctor(extra: str, ask: Callable[[], dict[str, Any]], environment: dict[str, str]) -> None:
    """Compare what the doctor finds with the extra that was installed; without one, install some as it says.

    Args:
        extra: The extra, or "".
        ask: Returns what the doctor says.
        environment: Of the commands that are run.

    Raises:
        DistError: The doctor is wrong, or a command of its does not install what it should.
    """
    brought = {*_USERS} if extra == "all" else {*_USERS} & {extra}
    said = findings(ask())
    for name in _SMALL if not extra else ():
        if said[name]["state"] != "missing":
            raise DistError(f"the doctor finds {name} in an environment without extras: {said[name]}")
        run(["sh", "-c", said[name]["command"]], env=environment)
        brought.add(name)
    said = findings(ask())
    if wrong := [said[name] for name in sorted(brought) if said[name]["state"] != "ok"]:
        raise DistError(f"the doctor does not find what is there: {wrong}")


def findings(told: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The doctor's findings by their names.

    Raises:
        DistError: Something is broken.
    """
    if told["broken"]:
        raise DistError(f"the doctor says: {[each for each in told['findings'] if each['state'] == 'broken']}")
    return {each["name"]: each for each in told["findings"]}


def check_equal(outputs: Collection[str]) -> None:
    """Compare what a capture decodes to in all environments.

    Raises:
        DistError: It is not the same everywhere.
    """
    if len(set(outputs)) != 1:
        raise DistError("a sample capture decodes to different bytes in different environments")


def run(command: Sequence[str | Path], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a program. Returns its output.

    Raises:
        DistError: It fails, or cannot be started.
    """
    words = list(map(str, command))
    try:
        done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, encoding="utf-8", check=False)
    except OSError as error:
        raise DistError(f"{words[0]} cannot be run: {error.strerror}") from None
    if done.returncode:
        last = f"{done.stdout}{done.stderr}".splitlines()[-_LINES:]
        raise DistError("\n".join([f"{' '.join(words)} failed ({done.returncode}):", *last]))
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
