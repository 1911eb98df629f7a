"""A dataset that is opened: what is none, what is of another version, what failed, what nobody needs any more."""

import json
import os
from pathlib import Path

import duckdb
import fsspec
import pandas as pd
import polars as pl
import pyarrow.dataset as arrow_dataset
import pytest

from lmdecode.app.dataset import layout
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.schema import file_schema
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.dataset.unit import State
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.v1.key import Key
from tests.app.dataset.exporting import KITCHEN, capture, export, job, rows, tables, unit, write


@pytest.fixture
def years(tmp_path):
    return tmp_path / "years"


def test_no_dataset_says_how_to_make_one(years):
    with pytest.raises(DatasetError) as told:
        open_dataset(str(years))

    assert str(told.value) == (f"there is no dataset at {years}: make one with `lmdecode export CAPTURE --to {years}`")
    assert not years.exists()


@pytest.mark.parametrize("create", [True, False])
def test_a_folder_with_other_files_stays_as_it_is(years, create):
    write(years / "photo.jpg", b"")
    to_do = "name an empty folder or a new one" if create else "name what `lmdecode export --to` made"
    with pytest.raises(DatasetError, match=f"is no dataset, and photo.jpg is in it: {to_do}"):
        open_dataset(str(years), create=create)

    assert [each.name for each in years.iterdir()] == ["photo.jpg"]


def test_an_empty_folder_and_one_of_an_export_that_was_interrupted_are_taken(years):
    (years / layout.WRITING).mkdir(parents=True)
    write(years / layout.LOCK, b"")

    assert open_dataset(str(years), create=True).entries() == []


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"version": 2, "salt": ""}, "is a dataset of version 2, and this lmdecode knows version 1"),
        ({"version": "x" * 99, "salt": ""}, "is a dataset of version xxxxxxxxxxxxxxxxxxxx, and"),
        ({"version": 1}, "is damaged"),
        ({"version": 1, "salt": "zz"}, "is damaged"),
        ([], "is damaged"),
        (None, "is damaged"),
    ],
)
def test_another_version_is_neither_read_nor_written(tmp_path, years, about, said):
    export(years, [unit(capture(tmp_path / "a.pcap"))])
    (years / layout.ABOUT).write_text(json.dumps(about))
    before = {path: path.read_bytes() for path in years.rglob("*") if path.is_file()}
    with pytest.raises(DatasetError, match=said) as told:
        open_dataset(str(years), create=True)

    assert "\n" not in str(told.value)
    assert {path: path.read_bytes() for path in years.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"{}", b'{"name": 1}', b"[" * 100_000, None],
)
def test_a_damaged_entry_is_named(tmp_path, years, damage):
    (result,) = export(years, [unit(capture(tmp_path / "a.pcap"))])
    path = years / layout.entry(result.content)
    if damage is None:  # it leads out of the dataset
        damage = path.read_bytes().replace(b'"path": "', b'"path": "../')
    path.write_bytes(damage)

    with pytest.raises(DatasetError) as told:
        open_dataset(str(years)).files()
    assert str(told.value) == f"{path} is damaged: remove it and export again"


def test_leftovers_go_and_the_users_own_files_stay(tmp_path, years):
    (result,) = export(years, [unit(capture(tmp_path / "a.pcap"))])
    (file,) = open_dataset(str(years)).files()
    folder = years / "generation=v1" / "machine=kitchen" / "date=2020-01-01"
    left = [write(folder / f"{'0' * 32}.parquet", b"x"), write(years / layout.WRITING / "half", b"x")]
    own = [write(folder.parent / "notes.txt", b"x"), write(years / "generation=v1" / "my.parquet", b"x")]
    export(years, [])

    assert [each.exists() for each in (*left, *own)] == [False, False, True, True]
    assert not folder.exists()
    assert open_dataset(str(years)).files() == [file]
    assert result.state is State.ADDED


@pytest.mark.parametrize("is_gone", [True, False])
def test_an_entry_whose_files_are_gone_or_cut_goes_too(tmp_path, years, is_gone):
    path = unit(capture(tmp_path / "a.pcap"))
    export(years, [path])
    (file,) = open_dataset(str(years)).files()
    if is_gone:
        Path(file.path).unlink()
    else:
        os.truncate(file.path, 1000)
    (again,) = export(years, [path])

    assert again.state is State.ADDED
    assert len(rows(open_dataset(str(years)))) == 3


def test_the_tag_of_keys_changes_with_them_and_hides_them(years, tmp_path):
    dataset, other = open_dataset(str(years), create=True), open_dataset(str(tmp_path / "more"), create=True)
    bar = MachineKey("bar", Key.parse("y" * 32))
    tags = [dataset.tag(job(years, keys=keys)) for keys in ((), (KITCHEN,), (bar,), (KITCHEN, bar), (bar, KITCHEN))]

    assert len(set(tags)) == 4
    assert tags[3] == tags[4]
    assert {len(each) for each in tags} == {6}
    assert other.tag(job(years)) != dataset.tag(job(years))


def test_a_capture_that_was_set_aside_is_listed(tmp_path, years):
    path = unit(capture(tmp_path / "a.pcap"))
    dataset = open_dataset(str(years), create=True)
    dataset.record_failure(path, job(years), "it ended a worker twice")

    (listed,) = dataset.failures()
    assert (listed.name, listed.reason) == (path.name, "it ended a worker twice")
    known = dataset.index(job(years)).settled(path)
    assert known is not None
    assert known.state is State.FAILED
    assert known.reason.startswith("it ended a worker twice (as on 20")
    dataset.record_failure(path, job(years), "no network", passing=True)
    assert dataset.index(job(years)).settled(path) is None


@pytest.mark.parametrize("place", ["disk", "memory"])
def test_every_engine_reads_the_folder_with_all_columns(tmp_path, place):
    url = str(tmp_path / "years") if place == "disk" else f"memory://{tmp_path.name}"
    export(url, [unit(capture(tmp_path / "the café.pcap")), unit(capture(tmp_path / "b.pcap", 5, first=20))])
    names = {*file_schema().names, "generation", "machine", "date"}
    if place == "memory":
        files = fsspec.filesystem("memory")
        table = arrow_dataset.dataset(f"/{tmp_path.name}", filesystem=files, partitioning="hive").to_table()
        assert (table.num_rows, {*table.column_names}) == (8, names)
        files.rm(url, recursive=True)
        return
    pattern = f"{url}/*/*/*/*.parquet"
    arrow = arrow_dataset.dataset(url, partitioning="hive").to_table()
    assert (arrow.num_rows, {*arrow.column_names}) == (8, names)
    frame = pl.read_parquet(pattern, hive_partitioning=True)
    assert (frame.height, {*frame.columns}) == (8, names)
    assert {*pd.read_parquet(url).columns} == names
    found = duckdb.sql(f"select * from read_parquet('{pattern}')")
    assert ({*found.columns}, len(found.fetchall())) == (names, 8)
    assert duckdb.sql(f"select distinct machine from read_parquet('{pattern}')").fetchall() == [("kitchen",)]


def test_a_reader_has_the_partition_of_each_file(tmp_path, years):
    export(years, [unit(capture(tmp_path / "a.pcap"))])
    (file,) = open_dataset(str(years)).files()

    assert file[1:3] == (3, len(next(iter(tables(open_dataset(str(years)).storage).values()))))
    assert file[3:] == ("v1", "kitchen", "2023-11-14")
