"""The command for a missing extra: right for whatever made the environment, and for the shell it is pasted into."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import tomllib
import types
from pathlib import Path

import pytest

from lmdecode import extras
from lmdecode.project import REPOSITORY

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OF_USERS = {name: each for name, each in PROJECT["optional-dependencies"].items() if name in extras.EXTRAS}


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """A virtual environment with pip, made by nobody in particular, into which a wheel was installed."""
    prefix = tmp_path / "it's my venv"
    prefix.mkdir()
    monkeypatch.setattr(sys, "prefix", str(prefix))
    monkeypatch.setattr(sys, "executable", str(prefix / "bin" / "python"))
    monkeypatch.setattr(extras, "clone_folder", lambda: None)
    monkeypatch.setattr(extras, "find_spec", lambda name: name)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    required = [
        "rich>=13",
        "zeroconf>=0.130; extra == 'live'",
        'tomli>=2; (python_version < "3.12") and extra == "mitm"',
        "ifaddr>=0.1.7; extra == 'mitm'",
        "mitmproxy[x]<13,>=11 ; extra=='mitm'",
    ]
    monkeypatch.setattr(extras, "distribution", lambda: types.SimpleNamespace(requires=required))
    return prefix


def test_the_extras_are_those_of_the_project():
    assert set(OF_USERS) == set(extras.EXTRAS)
    assert OF_USERS["all"] == [f"lmdecode[{','.join(sorted(set(extras.EXTRAS) - {'all'}))}]"]
    for name, extra in extras.EXTRAS.items():
        wanted = OF_USERS[name] if name != "all" else {each for listed in OF_USERS.values() for each in listed}
        packages = {re.match(r"[\w-]+", requirement)[0] for requirement in wanted} - {"lmdecode"}
        assert extra.packages == tuple(sorted(packages))
    with pytest.raises(ValueError, match="no extra 'dev'"):
        extras.install_command("dev")


def test_a_virtual_environment_is_named_by_its_interpreter(environment):
    words = shlex.split(extras.install_command("live"))
    assert words == [f"{environment}/bin/python", "-m", "pip", "install", "zeroconf>=0.130"]


@pytest.mark.usefixtures("environment")
def test_requirements_with_markers_and_extras_of_their_own():
    assert extras.requirements(None) == ["rich>=13"]
    assert extras.requirements("mitm") == [
        'tomli>=2; python_version < "3.12"',
        "ifaddr>=0.1.7",
        "mitmproxy[x]<13,>=11",
    ]
    assert shlex.split(extras.install_command("mitm"))[4:] == extras.requirements("mitm")


@pytest.mark.usefixtures("environment")
def test_pipx_injects(monkeypatch, tmp_path):
    prefix = tmp_path / ".local/share/pipx/venvs/lmdecode-dev"
    prefix.mkdir(parents=True)
    (prefix / "pipx_metadata.json").touch()
    monkeypatch.setattr(sys, "prefix", str(prefix))
    assert extras.install_command("live") == "pipx inject lmdecode-dev 'zeroconf>=0.130'"
    assert extras.install_packages("x", upgrade=True) == "pipx inject --force lmdecode-dev x"
    monkeypatch.setattr(extras, "clone_folder", lambda: tmp_path)
    assert extras.install_command("live").startswith("pipx inject ")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert " -m pip install " in extras.install_command("live")


@pytest.mark.usefixtures("environment")
def test_pipx_whose_folder_is_elsewhere(monkeypatch, tmp_path):
    prefix = tmp_path / "a b/venvs/lmdecode"
    prefix.mkdir(parents=True)
    (prefix / "pipx_metadata.json").touch()
    monkeypatch.setattr(sys, "prefix", str(prefix))
    assert extras.install_command("live").startswith(f"env PIPX_HOME='{tmp_path}/a b' pipx inject lmdecode ")
    monkeypatch.setenv("PIPX_HOME", f"{tmp_path}/a b")
    assert extras.install_command("live").startswith("pipx inject lmdecode ")
    monkeypatch.setattr(extras, "_PIPX_OF_ALL", tmp_path)
    assert extras.install_command("live").startswith("sudo pipx inject --global lmdecode ")


def test_without_pip_uv_is_given_the_interpreter(environment, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    words = shlex.split(extras.install_command("live"))
    assert words == ["uv", "pip", "install", "--python", f"{environment}/bin/python", "zeroconf>=0.130"]
    monkeypatch.setattr(shutil, "which", lambda _: None)
    first, second = extras.install_command("live").split(" && ")
    assert shlex.split(first)[1:] == ["-m", "ensurepip"]
    assert shlex.split(second)[1:] == ["-m", "pip", "install", "zeroconf>=0.130"]


@pytest.mark.usefixtures("environment")
def test_a_python_of_the_system_is_told_that_it_is_meant(monkeypatch):
    monkeypatch.setattr(extras, "_is_managed", lambda: True)
    assert shlex.split(extras.install_command("live"))[1:5] == ["-m", "pip", "install", "--break-system-packages"]
    monkeypatch.setattr(extras, "_is_users", lambda: True)
    assert " --break-system-packages --user 'zeroconf" in extras.install_command("live")
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    assert " --break-system-packages 'zeroconf" in extras.install_command("live")  # uv has no --user
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert extras.install_command("live").startswith("sudo apt-get install python3-pip && ")


@pytest.mark.usefixtures("environment")
def test_pep_668_is_noticed_by_its_file(monkeypatch, tmp_path):
    monkeypatch.setattr("sysconfig.get_path", lambda *_: str(tmp_path))
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    assert "--break-system-packages" not in extras.install_command("live")  # it is a virtual environment of it
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    assert "--break-system-packages" in extras.install_command("live")
    (tmp_path / "EXTERNALLY-MANAGED").unlink()
    assert "--break-system-packages" not in extras.install_command("live")


@pytest.mark.usefixtures("environment")
def test_a_clone_has_the_names_of_extras(monkeypatch, tmp_path):
    clone = tmp_path / "my clone"
    clone.mkdir()
    monkeypatch.setattr(extras, "clone_folder", lambda: clone)
    assert shlex.split(extras.install_command("all"))[3:] == ["install", "-e", f"{clone}[all]"]
    monkeypatch.chdir(clone)
    assert shlex.split(extras.install_command("all"))[3:] == ["install", "-e", ".[all]"]


@pytest.mark.usefixtures("environment")
def test_a_copy_without_metadata_is_replaced_by_an_installed_one(monkeypatch):
    monkeypatch.setattr(extras, "distribution", lambda: None)
    assert extras.install_command("live").endswith(f"'lmdecode[live] @ git+{REPOSITORY}'")


def test_the_newest_is_had_as_this_one_was(environment, monkeypatch, tmp_path):
    newest = f"lmdecode @ git+{REPOSITORY}"
    assert shlex.split(extras.upgrade_command())[3:] == ["install", "--upgrade", "--force-reinstall", newest]
    with monkeypatch.context() as patched:
        patched.setattr(extras, "find_spec", lambda _: None)
        assert shlex.split(extras.upgrade_command())[-4:] == ["--upgrade", "--reinstall-package", "lmdecode", newest]
    with monkeypatch.context() as patched:
        patched.setattr(extras, "clone_folder", lambda: tmp_path)
        pull, install = extras.upgrade_command().split(" && ")
        assert pull == f"git -C {tmp_path} pull --ff-only"
        assert shlex.split(install)[3:] == ["install", "-e", str(tmp_path)]
    (environment / "uv-receipt.toml").touch()
    assert extras.upgrade_command().startswith("uv tool upgrade --reinstall ")
    (environment / "pipx_metadata.json").touch()
    assert " pipx upgrade " in extras.upgrade_command()


def test_this_clone_is_found():
    assert extras.clone_folder() == Path(__file__).parents[1]
