"""The extras: the command that installs one into the environment that runs, whatever made that environment.

lmdecode is in no public index, so a command cannot name `lmdecode[mitm]`. It names what the extra requires, as the
installed metadata has it; in a clone, which has the extras' names, it names the clone. Who runs the command decides
which it is, in this order:

- pipx keeps account of its environments, so it is asked to inject;
- an environment that uv made has no pip, and uv is given the interpreter;
- any other has pip, or makes it with ensurepip. It is called through the interpreter, so that the command is right
  where the environment is not activated;
- Python that belongs to the system (PEP 668) lets pip add packages only when told that this is meant.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from lmdecode.project import REPOSITORY

if TYPE_CHECKING:
    from importlib.metadata import Distribution


class Extra(NamedTuple):
    """An extra: the packages that it brings, which are imported by the same names, and what needs it."""

    packages: tuple[str, ...]
    needed_by: str


EXTRAS: Final = {
    "bluetooth": Extra(("bleak",), "--bluetooth, of status, get, watch, send and bridge; discover, over Bluetooth"),
    "bumble": Extra(("bleak", "bumble"), "simulate --generation bluetooth; --radio"),
    "dask": Extra(
        ("cryptography", "dask", "distributed", "fsspec", "pyarrow"),
        "export --scheduler; lmdecode.dask in Python",
    ),
    "dataset": Extra(("duckdb", "fsspec", "pyarrow"), "export; query"),
    "gs": Extra(("gcsfs",), "export, of and to gs://"),
    "http": Extra(("aiohttp",), "export, of https://"),
    "live": Extra(("zeroconf",), "discover; simulate, so that discover finds it"),
    "login": Extra(("authlib", "requests"), "login"),
    "mitm": Extra(("ifaddr", "mitmproxy", "segno"), "harvest; decode and credentials, of saved flows; the addons"),
    "mqtt": Extra(("aiomqtt",), "bridge"),
    "parquet": Extra(("pyarrow",), "--format parquet; to_arrow in Python"),
    "polars": Extra(("polars", "pyarrow"), "to_polars in Python"),
    "s3": Extra(("s3fs",), "export, of and to s3://"),
    "sftp": Extra(("paramiko",), "export, of and to sftp://"),
    "all": Extra(
        (
            "aiohttp",
            "aiomqtt",
            "authlib",
            "bleak",
            "bumble",
            "cryptography",
            "dask",
            "distributed",
            "duckdb",
            "fsspec",
            "gcsfs",
            "ifaddr",
            "mitmproxy",
            "paramiko",
            "polars",
            "pyarrow",
            "requests",
            "s3fs",
            "segno",
            "zeroconf",
        ),
        "all of these",
    ),
}
"""The extras for users, as pyproject.toml has them."""

_NAME: Final = "lmdecode"
_PLAIN_ON_WINDOWS = re.compile(r"[\w:\\/.@-]+").fullmatch
_PIPX_HOMES: Final = (".local/share/pipx", ".local/pipx", "pipx", "Library/Application Support/pipx")
_PIPX_OF_ALL: Final = Path("/opt/pipx")


def install_command(extra: str) -> str:
    """Returns the shell's command that installs an extra, such as "mitm", into the environment that runs.

    Raises:
        ValueError: There is no such extra.
    """
    if extra not in EXTRAS:
        raise ValueError(f"there is no extra {extra!r}")
    clone = clone_folder()
    if clone is not None and not _is_of_pipx():
        here = "." if _is_current(clone) else str(clone)
        return _command([], ["-e", f"{here}[{extra}]"])
    return install_packages(*requirements(extra) or [f"{_NAME}[{extra}] @ git+{REPOSITORY}"])


def install_packages(*needed: str, upgrade: bool = False) -> str:
    """Returns the shell's command that installs packages into the environment that runs.

    Args:
        needed: The packages as pip takes them, such as "mitmproxy>=11".
        upgrade: Whether to install newer versions of packages that are there.
    """
    return _command(["--upgrade"] if upgrade else [], list(needed))


def upgrade_command() -> str:
    """Returns the shell's command that brings the newest lmdecode into the environment that runs."""
    clone = clone_folder()
    if _is_of_pipx() and shutil.which("pipx"):
        of_all = _PIPX_OF_ALL in Path(sys.prefix).parents
        upgrade = ["sudo", "pipx", "upgrade", "--global"] if of_all else ["pipx", "upgrade"]
        home = _home_of_pipx(Path(sys.prefix).parents[1], of_all=of_all)
        return home + _shell([*upgrade, Path(sys.prefix).name])
    if clone is not None:
        return f"{_shell(['git', '-C', str(clone), 'pull', '--ff-only'])} && {_command([], ['-e', str(clone)])}"
    if Path(sys.prefix, "uv-receipt.toml").is_file() and shutil.which("uv"):
        return _shell(["uv", "tool", "upgrade", "--reinstall", Path(sys.prefix).name])
    newest = f"{_NAME} @ git+{REPOSITORY}"
    if find_spec("pip") is None and shutil.which("uv"):
        return _command(["--upgrade", "--reinstall-package", _NAME], [newest])
    return _command(["--upgrade", "--force-reinstall"], [newest])  # or pip leaves one with the same version number


def requirements(extra: str | None) -> list[str]:
    """Returns what an extra requires, or None: what lmdecode itself requires; empty if there is no metadata of it."""
    installed = distribution()
    found = []
    for requirement in (installed and installed.requires) or ():
        package, _, condition = requirement.partition(";")
        marker, of_an_extra, name = condition.rpartition("extra")
        if not of_an_extra:
            found += [requirement] if extra is None else []
        elif name.strip(" =\"')") == extra:
            marker = marker.strip().removesuffix("and").strip().removeprefix("(").removesuffix(")")
            found.append(f"{package.strip()}{f'; {marker}' if marker else ''}")
    return found


def distribution() -> Distribution | None:
    """Returns the metadata of the installed lmdecode; None if it runs from a folder that was not installed."""
    from importlib.metadata import Distribution, PackageNotFoundError  # noqa: PLC0415 -- 20 ms, and rarely needed

    try:
        return Distribution.from_name(_NAME)
    except PackageNotFoundError:
        return None


def environment_kind() -> str:
    """Returns what made the environment that runs, in words."""
    if _is_of_pipx():
        return "an environment of pipx"
    if Path(sys.prefix, "uv-receipt.toml").is_file():
        return "a tool environment of uv"
    if Path(sys.prefix, "conda-meta").is_dir():
        return "an environment of conda"
    if sys.prefix != sys.base_prefix:
        return "a virtual environment"
    return "the system's own" if _is_managed() else "not in a virtual environment"


def clone_folder() -> Path | None:
    """Returns the clone whose files run, as `pip install -e` lets them; None for an installed copy."""
    folder = Path(__file__).parents[1]
    return folder if (folder / "pyproject.toml").is_file() and (folder / _NAME).is_dir() else None


def _command(options: list[str], needed: list[str]) -> str:
    """Returns the whole command: the installer of this environment, its options, and what it is to install."""
    if _is_of_pipx() and shutil.which("pipx"):
        home, of_all = Path(sys.prefix).parents[1], _PIPX_OF_ALL in Path(sys.prefix).parents
        inject = ["sudo", "pipx", "inject", "--global"] if of_all else ["pipx", "inject"]
        force = ["--force"] if "--upgrade" in options else []
        return _home_of_pipx(home, of_all=of_all) + _shell([*inject, *force, Path(sys.prefix).name, *needed])
    python = sys.executable or "python3"
    managed = _is_managed()
    if managed:
        options = ["--break-system-packages", *(["--user"] if _is_users() else []), *options]
    if find_spec("pip") is None and shutil.which("uv"):
        for_uv = [each for each in options if each != "--user"]
        return _shell(["uv", "pip", "install", "--python", python, *for_uv, *needed])
    install = _shell([python, "-m", "pip", "install", *options, *needed])
    if find_spec("pip"):
        return install
    if managed:
        return f"sudo apt-get install python3-pip && {install}"
    return f"{_shell([python, '-m', 'ensurepip'])} && {install}"


def _is_of_pipx() -> bool:
    return Path(sys.prefix, "pipx_metadata.json").is_file()


def _home_of_pipx(home: Path, *, of_all: bool) -> str:
    """Returns what has to stand before a command of pipx whose folder is not where pipx would look for it."""
    try:
        users = Path.home()
    except RuntimeError:  # a user without a home
        users = Path("~")
    usual = {os.environ.get("PIPX_HOME"), *(str(users / each) for each in _PIPX_HOMES)}
    return "" if of_all or str(home) in usual else f"env PIPX_HOME={_shell([str(home)])} "


def _is_managed() -> bool:
    """Whether this Python is the system's, which PEP 668 keeps from pip."""
    if sys.prefix != sys.base_prefix:
        return False
    import sysconfig  # noqa: PLC0415 -- rarely needed

    return Path(sysconfig.get_path("stdlib", sysconfig.get_default_scheme()), "EXTERNALLY-MANAGED").is_file()


def _is_users() -> bool:
    """Whether lmdecode is among the packages of the user alone."""
    import site  # noqa: PLC0415 -- loaded by Python, but for `python -S`

    users = site.getusersitepackages()
    return Path(users) in Path(__file__).parents


def _is_current(folder: Path) -> bool:
    try:
        return folder.samefile(Path.cwd())
    except OSError:  # the current folder is gone
        return False


def _shell(words: Iterable[str], *, windows: bool = os.name == "nt") -> str:
    r"""Returns words as the shell takes them: a POSIX shell, or on Windows both of its shells.

    >>> print(_shell(["pip", "install", "segno>=1.6"], windows=False))
    pip install 'segno>=1.6'
    >>> print(_shell([r"C:\venv\python.exe", "-m", "pip", "install", "segno>=1.6"], windows=True))
    C:\venv\python.exe -m pip install "segno>=1.6"
    """
    if windows:
        return " ".join(word if _PLAIN_ON_WINDOWS(word) else f'"{word}"' for word in words)
    return shlex.join(words)
