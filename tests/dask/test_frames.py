"""Captures and datasets as DataFrames of Dask: planned without reading, and equal to a dataset wherever computed."""

from __future__ import annotations

import warnings

import dask
import pytest

from lmdecode import CaptureError, CaptureWarning
from lmdecode.app.dataset.schema import dataset_schema
from lmdecode.app.export import OneByOne
from lmdecode.dask import read_captures, read_dataset
from tests.dask.samples import KEY, ROWS, job_for, rows_of_dataset, units_of, write_captures

ORDER = ["capture", "time", "stream", "source", "plaintext"]


@pytest.fixture(autouse=True)
def in_threads():
    with dask.config.set(scheduler="threads", num_workers=2):
        yield


def test_rows_are_those_of_the_dataset(tmp_path):
    paths = write_captures(tmp_path / "captures", 3)
    job = job_for(str(tmp_path / "dataset"))
    list(OneByOne().run(units_of(paths), job))
    expected = rows_of_dataset(job.dataset).to_pylist()
    captures = read_captures(tmp_path / "captures", key={"kitchen": KEY})
    dataset = read_dataset(job.dataset)
    assert captures.npartitions == dataset.npartitions == 3
    for frame in (captures, dataset):
        assert list(frame.columns) == dataset_schema().names
        computed = frame.compute()
        assert (computed.dtypes == frame.dtypes).all()
        assert _rows(computed) == expected


def _rows(frame):
    import pyarrow as pa

    return pa.Table.from_pandas(frame, schema=dataset_schema(), preserve_index=False).to_pylist()


def test_columns_and_types_are_known_without_reading(tmp_path, monkeypatch):
    write_captures(tmp_path, 2)
    monkeypatch.setattr("lmdecode.app.dataset.rows.rows_of", None)
    frame = read_captures(str(tmp_path / "*.pcap"), key=KEY)
    kinds = {name: str(frame.dtypes[name]) for name in ("time", "coffee_temp", "machine", "problems", "power")}
    assert kinds == {
        "time": "timestamp[ns, tz=UTC][pyarrow]",
        "coffee_temp": "double[pyarrow]",
        "machine": "string[pyarrow]",
        "problems": "list<item: string>[pyarrow]",
        "power": "bool[pyarrow]",
    }


def test_workers_compute_it_and_nobody_sees_the_key(tmp_path):
    from distributed import Client

    write_captures(tmp_path, 2)
    (tmp_path / "broken.pcap").write_bytes(b"\xd4\xc3\xb2\xa1 nothing more")
    frame = read_captures(tmp_path, key={"kitchen": KEY}, errors="warn")
    assert KEY not in repr(frame.expr) + str(frame.dask) + repr(dict(frame.dask))
    with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None) as client:
        kept = frame.coffee_temp.persist()
        with pytest.warns(CaptureWarning, match=r"broken\.pcap"):
            assert int(kept.count().compute()) > 0
        seen = [
            repr((task.key, task.run_spec, getattr(task.run_spec, "args", ())))
            for task in client.cluster.scheduler.tasks.values()
        ]
        seen += [repr(client.get_scheduler_logs()), repr(client.get_worker_logs()), repr(client.get_events())]
    assert any("'lmdecode-capture-" in each for each in seen)
    assert not [each for each in seen if KEY in each or KEY.encode().hex() in each]
    again = read_captures(tmp_path, key={"kitchen": KEY}, errors="warn")
    assert again._name == frame._name  # and so nothing is computed twice
    assert read_captures(tmp_path, key=KEY[::-1], errors="warn")._name != frame._name


def test_a_capture_that_cannot_be_read_is_named(tmp_path):
    [good] = write_captures(tmp_path, 1)
    bad = tmp_path / "broken.pcap"
    bad.write_bytes(b"\xd4\xc3\xb2\xa1 nothing more")
    with pytest.raises(CaptureError, match=r"broken\.pcap"):
        read_captures([good, bad], key=KEY).compute()
    with pytest.warns(CaptureWarning, match=r"broken\.pcap"):
        assert len(read_captures([good, bad], key=KEY, errors="warn").compute()) == ROWS
    with pytest.raises(CaptureError, match="nowhere"):
        read_captures([good, tmp_path / "nowhere.pcap"], key=KEY)
    with pytest.raises(CaptureError, match="no capture is in"):
        read_captures([], key=KEY)
    with pytest.raises(ValueError, match="errors='ignore'"):
        read_captures(good, key=KEY, errors="ignore")


def test_what_is_odd_about_a_capture_is_a_warning(tmp_path):
    [path] = write_captures(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:-10])
    _make_old(path)
    with pytest.warns(CaptureWarning, match=r"day000\.pcap"):
        assert len(read_captures(path, key=KEY).compute()) == ROWS  # the last packet has no message


def test_a_whole_capture_gives_no_warning(tmp_path):
    [path] = write_captures(tmp_path, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read_captures(path, key=KEY).compute()) == ROWS


def test_a_dataset_without_captures_has_no_rows(tmp_path):
    job_for(str(tmp_path / "dataset"))
    frame = read_dataset(tmp_path / "dataset")
    assert list(frame.columns) == dataset_schema().names
    assert len(frame) == 0


def _make_old(path):
    import os

    os.utime(path, (1, 1))
