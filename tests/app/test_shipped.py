"""What comes with the package: found in a clone and in a wheel, copied whole, and never over something else."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest

from lmdecode.app import shipped
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.shipped import ADDONS, SAMPLES, addon_path, copy_samples

ROOT = Path(__file__).parents[2]


def test_the_wheel_has_each_file_where_it_is_looked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    wanted = [f"captures/{name}" for name in SAMPLES] + [f"mitm_addons/{name}.py" for name in ADDONS]
    folder = shipped._PACKAGED.relative_to(ROOT)
    assert included == {name: f"{folder}/{name}" for name in wanted}
    assert all((ROOT / name).is_file() for name in wanted)


def test_no_sample_and_no_addon_is_forgotten():
    names = {path.name for folder in ("captures", "mitm_addons") for path in (ROOT / folder).glob("*.*")}
    assert names - {"make_day.py"} == {*SAMPLES, *(f"{name}.py" for name in ADDONS)}


def test_a_package_without_a_clone(monkeypatch, tmp_path):
    (tmp_path / "mitm_addons").mkdir()
    (tmp_path / "mitm_addons" / "lm_traffic.py").touch()
    monkeypatch.setattr(shipped, "clone_folder", lambda: None)
    monkeypatch.setattr(shipped, "_PACKAGED", tmp_path)
    assert addon_path("lm_traffic") == tmp_path / "mitm_addons" / "lm_traffic.py"
    with pytest.raises(CommandError, match="not complete; install it again"):
        addon_path("lm_credentials")


@pytest.mark.parametrize("name", ["lm_traffic", "lm-traffic", "lm_traffic.py"])
def test_an_addon_by_its_name(name):
    assert addon_path(name) == ROOT / "mitm_addons" / "lm_traffic.py"


def test_an_addon_that_there_is_not():
    with pytest.raises(UsageError, match="did you mean lm_traffic"):
        addon_path("traffik")
    with pytest.raises(UsageError, match="there are lm_credentials and lm_traffic"):
        addon_path("xyz")


def test_samples_are_copied_once(tmp_path):
    folder = tmp_path / "a" / "b"
    assert copy_samples(folder).new == SAMPLES
    assert all((folder / name).read_bytes() == (ROOT / "captures" / name).read_bytes() for name in SAMPLES)
    assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600
    again = copy_samples(folder)
    assert (again.new, again.same, again.other) == ((), SAMPLES, ())


def test_what_is_there_already_stays_unless_it_is_to_be_replaced(tmp_path):
    folder, mine = tmp_path / "x", tmp_path / "mine.json"
    folder.mkdir()
    mine.write_text("mine")
    (folder / "config.json").symlink_to(mine)
    assert copy_samples(folder).other == ("config.json",)
    assert mine.read_text() == "mine"
    assert copy_samples(folder, replace=True).new == ("config.json",)


@pytest.mark.parametrize(
    "text", ['{"key": "11111111111111111111111111111111"}', '{"client_id": "hush"}', '{"key": "1111", "host": }']
)
def test_an_owners_key_is_never_replaced_by_the_samples(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    assert copy_samples(tmp_path).other == ("config.json",)
    with pytest.raises(UsageError, match=r"config\.json is yours and is not replaced"):
        copy_samples(tmp_path, replace=True)
    assert (tmp_path / "config.json").read_text() == text


def test_the_users_config_folder_is_not_for_the_samples(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "users_path", lambda: tmp_path / "lmdecode" / "config.json")
    with pytest.raises(UsageError, match="would be taken for yours"):
        copy_samples(tmp_path / "lmdecode")
    assert not (tmp_path / "lmdecode").exists()


def test_folders_that_cannot_be_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="would be taken for yours"):
        copy_samples(Path())
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not a folder"):
        copy_samples(Path("file"))
    with pytest.raises(CommandError, match="cannot be written: Not a directory"):
        copy_samples(Path("file/deeper"))
