"""The findings of packages: what is missing, of a wrong version, or cannot be loaded."""

from __future__ import annotations

import json
import shlex
import types
from importlib.metadata import PackageNotFoundError

import pytest

from lmdecode.app.doctor import packages
from lmdecode.app.doctor.finding import State

NEEDED = {
    None: ["rich>=13"],
    "bluetooth": ["bleak>=1"],
    "bumble": ["bleak>=1", "bumble>=0.0.200"],
    "dask": ["dask>=2026.1", "distributed>=2026.1"],
    "dataset": ["duckdb>=2", "fsspec>=2024.6", "pyarrow>=16"],
    "gs": ["gcsfs>=2024.6"],
    "http": ["aiohttp>=3.9"],
    "live": ["zeroconf>=0.130"],
    "login": ["authlib<1.7,>=1.3", "requests>=2.31"],
    "mitm": ["ifaddr>=0.1.7", "mitmproxy>=11", "segno>=1.6"],
    "mqtt": ["aiomqtt>=2"],
    "parquet": ["pyarrow>=16"],
    "polars": ["polars>=1", "pyarrow>=16"],
    "s3": ["s3fs>=2024.6"],
    "sftp": ["paramiko>=3"],
}
THERE = {"rich": "13.0", "zeroconf": "0.130", "authlib": "1.6.9", "requests": "3", "pyarrow": "16.0.0", "polars": "1.0"}


@pytest.fixture
def there(monkeypatch):
    installed = dict(THERE)

    def version(name):
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(packages, "version", version)
    monkeypatch.setattr(packages, "requirements", NEEDED.__getitem__)
    monkeypatch.setattr(packages, "answer", lambda _: (0, ""))
    return installed


def found(name):
    return next(finding for finding in packages.extras() if finding.name == name)


@pytest.mark.usefixtures("there")
def test_what_is_there_and_what_is_missing():
    states = {finding.name: finding.state for finding in packages.extras()}
    assert states == dict.fromkeys(("live", "login", "parquet", "polars"), State.OK) | dict.fromkeys(
        ("bluetooth", "bumble", "dask", "dataset", "gs", "http", "mitm", "mqtt", "s3", "sftp"), State.MISSING
    ) | {"all": State.NOTE}
    assert found("mqtt").text == "for bridge"
    assert "install" in shlex.split(found("mqtt").command)
    assert found("polars").text == "polars 1.0, pyarrow 16.0.0: for to_polars in Python"


@pytest.mark.parametrize(
    ("name", "content"),
    [("METADATA", b""), ("METADATA", b"Name: aiomqtt\n"), ("METADATA", b"\xff\xfe\x00"), ("x", b"")],
)
def test_a_package_whose_metadata_is_damaged_is_broken(monkeypatch, tmp_path, name, content):
    (tmp_path / "aiomqtt-9.dist-info").mkdir()
    (tmp_path / "aiomqtt-9.dist-info" / name).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(packages, "requirements", NEEDED.__getitem__)
    monkeypatch.setattr(packages, "answer", lambda _: (0, ""))
    finding = found("mqtt")
    assert (finding.state, finding.text) == (
        State.BROKEN, "aiomqtt is there, but what is written about it is damaged",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "said"), [("1.7", "authlib 1.7 is installed, but authlib<1.7"), ("1.2.9", ">=1.3 is need")]
)
def test_a_wrong_version_is_broken(there, wrong, said):
    there["authlib"] = wrong
    finding = found("login")
    assert finding.state is State.BROKEN
    assert said in finding.text
    assert "--upgrade" in finding.command


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("answer", "said"),
    [((1, "Traceback\nImportError: no libssl\n"), "ImportError: no libssl"), ((-4, ""), "the process ended with -4")],
)
def test_what_cannot_be_loaded_is_broken(monkeypatch, answer, said):
    monkeypatch.setattr(packages, "answer", lambda _: answer)
    assert found("live").state is State.BROKEN
    assert found("live").text == f"zeroconf cannot be loaded: {said}"
    assert found("mqtt").state is State.MISSING


def test_dependencies(there):
    assert packages.package()[2].text == "rich 13.0"
    there["rich"] = "12.9"
    assert packages.package()[2].state is State.BROKEN
    del there["rich"]
    assert packages.package()[2].text == "rich is not installed"


def test_where_it_came_from_has_no_password(monkeypatch):
    recorded = {"url": "https://me:hush@git.example/x.git?token=hush", "vcs_info": {"commit_id": "0123456789abcdef"}}
    texts = types.SimpleNamespace(read_text=lambda _: json.dumps(recorded))
    monkeypatch.setattr(packages, "clone_folder", lambda: None)
    monkeypatch.setattr(packages, "distribution", lambda: texts)
    text = packages.package()[1].text
    assert text.endswith(", from https://git.example/x.git at 0123456789ab")
    for broken in ("{", "[]", None):
        monkeypatch.setattr(texts, "read_text", lambda _, broken=broken: broken)
        assert "from" not in packages.package()[1].text
