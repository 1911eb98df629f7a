"""Rows become files: the same rows, in groups, few files at a time, and memory that does not grow."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.app.dataset import tables as tables_module
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.layout import Partition
from lmdecode.app.dataset.schema import file_schema, record_schema
from lmdecode.app.dataset.storage import storage_at
from lmdecode.app.dataset.tables import TableWriter

CONTENT = "0" * 32


def batch(numbers):
    schema = record_schema()
    columns = {
        "time": pa.array(numbers, pa.timestamp("ns", "UTC")),
        "stream": pa.array(numbers, pa.int64()),
        "coffee_temp": pa.array([each / 10 for each in numbers], pa.float64()),
        "problems": pa.array([[] if each % 2 else ["x"] for each in numbers], pa.list_(pa.string())),
    }
    arrays = [columns.get(each.name, pa.nulls(len(numbers), each.type)) for each in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


@settings(max_examples=8)
@given(
    batches=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=30), max_size=6),
    group=st.integers(1, 40),
    waiting=st.integers(1, 60),
    most=st.integers(1, 3),
)
def test_all_rows_come_back_in_order_whatever_the_limits(tmp_path_factory, batches, group, waiting, most):
    storage = storage_at(str(tmp_path_factory.mktemp("years")))
    written: dict[Partition, list[int]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables_module, "GROUP", group)
        patch.setattr(tables_module, "WAITING", waiting)
        patch.setattr(tables_module, "OPEN", most)
        writer = TableWriter(storage, CONTENT)
        count = 0
        for which in batches:
            numbers = [*range(count, count + len(which))]
            count += len(which)
            partitions = [Partition("v1", str(number), "2026-11-21") for number in sorted(set(which))]
            codes = [sorted(set(which)).index(each) for each in which]
            writer.add(batch(numbers), partitions, pa.array(codes, pa.int32()))
            assert len(writer._open) <= most
            assert writer._rows < max(waiting, group * 4 + 30)
            for number, each in zip(numbers, which, strict=True):
                written.setdefault(Partition("v1", str(each), "2026-11-21"), []).append(number)
        made = writer.finish()
        writer.clean_up()

    found: dict[str, list[int]] = {}
    assert storage.local is not None
    for each in sorted(made, key=lambda table: (table.path.rpartition("/")[0], len(table.path), table.path)):
        table = pq.read_table(storage.local / each.path, partitioning=None)
        assert table.schema.remove_metadata().equals(file_schema())
        assert (table.num_rows, each.bytes) == (each.rows, (storage.local / each.path).stat().st_size)
        found.setdefault(each.path.rpartition("/")[0], []).extend(table["stream"].to_pylist())
        assert table["coffee_temp"].to_pylist() == [number / 10 for number in table["stream"].to_pylist()]
    assert found == {partition.folder: numbers for partition, numbers in written.items()}
    assert storage.names("_lmdecode/writing") == []
    assert len({each.path for each in made}) == len(made)


def test_a_partition_that_comes_back_has_another_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tables_module, "GROUP", 2)
    monkeypatch.setattr(tables_module, "OPEN", 1)
    writer = TableWriter(storage_at(str(tmp_path)), CONTENT)
    for machine in ("a", "b", "a"):
        writer.add(batch([1, 2]), [Partition("v1", machine, None)], pa.array([0, 0]))
    made = [each.path.rpartition("machine=")[2] for each in writer.finish()]
    writer.clean_up()

    date = "date=__HIVE_DEFAULT_PARTITION__"
    assert made == [f"a/{date}/{CONTENT}-2.parquet", f"a/{date}/{CONTENT}.parquet", f"b/{date}/{CONTENT}.parquet"]


def test_what_is_given_up_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tables_module, "GROUP", 2)
    for url in (str(tmp_path / "years"), f"memory://{tmp_path.name}"):
        writer = TableWriter(storage_at(url), CONTENT)
        writer.add(batch([1, 2]), [Partition("v1", "a", None)], pa.array([0, 0]))
        folder = writer._folder
        assert list(folder.iterdir())
        writer.clean_up()
        assert not folder.exists() or not list(folder.iterdir())


def test_no_room_for_the_copy_says_where(tmp_path, monkeypatch):
    writer = TableWriter(storage_at(f"memory://{tmp_path.name}"), CONTENT)

    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    writer.add(batch([1, 2]), [Partition("v1", "a", None)], pa.array([0, 0]))
    with pytest.raises(DatasetError, match=r"\(a copy for memory://.*\) cannot be written: no space is left"):
        writer.finish()
    writer.clean_up()


def test_a_file_says_no_more_of_its_columns_than_readers_use(tmp_path):
    writer = TableWriter(storage_at(str(tmp_path)), CONTENT)
    writer.add(batch([*range(10)]), [Partition("v1", "a", None)], pa.array([0] * 10))
    (made,) = writer.finish()
    writer.clean_up()

    metadata = pq.read_metadata(tmp_path / made.path)
    ranges = [
        metadata.schema.column(number).name
        for number in range(metadata.num_columns)
        if metadata.row_group(0).column(number).statistics is not None
    ]
    assert {"time", "stream", "address"} <= {*ranges} <= {"time", "stream", "address", "capture"}
    assert b"ARROW:schema" not in (metadata.metadata or {})
    assert metadata.serialized_size < 30_000
