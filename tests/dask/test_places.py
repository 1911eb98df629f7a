"""Captures in a bucket, on a server by SFTP and on web pages, decoded by workers into a dataset in a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lmdecode.app.dataset.cluster import runner
from lmdecode.app.dataset.finding import find
from lmdecode.app.dataset.rotation import units
from lmdecode.app.export import OneByOne
from tests.dask.samples import KEY, ROWS, job_for, rows_of_dataset, write_captures
from tests.dask.servers import bucket_server, sftp_server, web_server


@pytest.fixture
def bucket(monkeypatch) -> Iterator[str]:
    """An empty bucket, which this process and all that it starts find."""
    import fsspec
    import s3fs

    with bucket_server() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a made-up secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        fsspec.filesystem("s3").mkdir("years")
        yield "s3://years"
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_captures_from_everywhere_are_the_same_rows_as_those_on_disk(tmp_path, bucket, home, capfd):
    import fsspec

    paths = write_captures(tmp_path / "captures", 6)
    fsspec.filesystem("s3").put([str(path) for path in paths[:2]], [f"{bucket}/in/{path.name}" for path in paths[:2]])
    by_sftp, by_web = tmp_path / "sftp", tmp_path / "web"
    for folder, some in ((by_sftp, paths[2:4]), (by_web, paths[4:])):
        folder.mkdir()
        for path in some:
            (folder / path.name).write_bytes(path.read_bytes())
    with sftp_server(home) as sftp, web_server(by_web) as web:
        places = [f"{bucket}/in/*.pcap", f"{sftp}{by_sftp}", *(f"{web}/{path.name}" for path in paths[4:])]
        found = find(places, f"{bucket}/dataset")
        assert found.wrong == []
        job = job_for(f"{bucket}/dataset")
        cluster = runner("local", 2)
        try:
            results = list(cluster.run(units(found.files), job))
            again = list(cluster.run(units(found.files), job))
        finally:
            cluster.close()
    assert [(each.state, each.reason) for each in results] == [("added", "")] * 6
    assert {each.state for each in again} == {"present"}
    assert capfd.readouterr() == ("", "")

    local = job_for(str(tmp_path / "dataset"))
    list(OneByOne().run(units(find([str(tmp_path / "captures")], "").files), local))
    rows, expected = rows_of_dataset(job.dataset), rows_of_dataset(local.dataset)
    assert rows.num_rows == 6 * ROWS
    assert rows.drop_columns("capture").equals(expected.drop_columns("capture"))
    names = set(rows["capture"].to_pylist())
    assert {name.rpartition("/")[2] for name in names} == {path.name for path in paths}
    assert not any(secret in str(names) for secret in ("@", KEY))
    stored = [fsspec.filesystem("s3").cat(path) for path in fsspec.filesystem("s3").find("years")]
    assert not any(KEY.encode() in each for each in stored)
