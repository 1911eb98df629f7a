"""SQL over a dataset: what it sees, and that it sees nothing else and changes nothing."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pytest

from lmdecode.app.asked import Asked
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.export import ExportRequest, export
from lmdecode.app.export_report import ExportReport
from lmdecode.app.query import QueryError, _Handle, opened, query, writing
from lmdecode.render.answer import write_jsonl
from tests.cli.conftest import CAPTURES


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets") / 'it\'s "years"'
    junk = folder.parent / "junk.pcap"
    junk.write_bytes(b"nothing of a capture")
    os.utime(junk, (1_700_000_000, 1_700_000_000))  # or it would be one that is still being written
    captures = [str(CAPTURES / name) for name in ("gs3av-settings.pcap", "homeassistant.log", "lion-morning.har")]
    export(ExportRequest([*captures, str(junk)], str(folder)), Asked(config=CAPTURES / "config.json"), ExportReport())
    return folder


@pytest.fixture
def sessions():
    with ExitStack() as stack:
        yield stack


def ask(dataset, sql):
    return query(str(dataset), sql).to_pylist()


def test_a_row_for_each_message_with_its_partitions(made):
    assert ask(made, "select count(*) as n, count(distinct capture) as c from records") == [{"n": 217, "c": 3}]
    days = ask(made, "select distinct generation, date from records where date >= '2026-11-21' order by all")
    assert days[0] == {"generation": "bluetooth", "date": "2026-11-21"}
    (row,) = ask(made, "select max(coffee_temp) as t, max(time) - min(time) as d from records where generation = 'v1'")
    assert row["t"] == 97.5
    assert row["d"].nanoseconds > 0


def test_a_row_for_each_capture(made):
    rows = ask(made, "select capture, state, rows, complaints from captures order by rows nulls last")
    assert [(row["state"], row["rows"]) for row in rows][:1] == [("added", 48)]
    failed = rows[-1]
    assert failed["capture"].endswith("junk.pcap")
    assert failed["state"] == "failed"
    assert "capture" in failed["complaints"][0]


def test_a_pivot_and_its_columns(made):
    (row,) = ask(made, "pivot (select generation, role from records where generation = 'v1') on role using count(*)")
    assert set(row) >= {"request", "response"}
    described = {row["column_name"]: row["column_type"] for row in ask(made, "describe records")}
    assert described["time"] == "TIMESTAMP WITH TIME ZONE"
    assert {described[name] for name in ("generation", "machine", "date")} == {"VARCHAR"}


def test_an_empty_dataset_has_the_same_columns(made, tmp_path):
    open_dataset(str(tmp_path / "new"), create=True)
    assert query(str(tmp_path / "new"), "from records").num_rows == 0
    assert ask(tmp_path / "new", "describe records") == ask(made, "describe records")
    assert ask(tmp_path / "new", "select count(*) as n from captures") == [{"n": 0}]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("selec 1", "syntax error"),
        ("select coffee_tmp from records", 'Candidate bindings: "coffee_temp"'),
        ("from recordz", 'Did you mean "records"?'),
        ("select 1 - 'a'::int", "Could not convert"),
        ("", "is empty"),
        ("-- nothing", "is empty"),
        ("select 1; select 2", "has 2 statements"),
        ("select 'a", "unterminated"),
    ],
)
def test_wrong_sql_is_one_line_with_the_hint(made, sql, said):
    with opened(str(made)) as session, pytest.raises(QueryError) as caught:
        list(session.ask(sql).batches)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sql_reaches_nothing_but_the_dataset(made, sessions, tmp_path, monkeypatch):
    """Each of these reads, writes or loads something, if it is let."""
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    secret_of_python = pa.table({"a": [1]})  # noqa: F841 -- DuckDB would find it by its name
    (table,) = [file for file in open_dataset(str(made)).files() if file.generation == "v1" and file.rows > 90]
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    place = Path(table.path).parent.relative_to(made)
    paths = [table.path, *(f"dataset:///{number}/{place}/rows.parquet" for number in range(6))]
    session = sessions.enter_context(opened(str(made)))
    for sql in (
        f"from '{secret}'",
        f"from read_csv('{secret}')",
        f"from read_text('{secret}')",
        "from read_blob('/proc/self/environ')",
        f"from glob('{tmp_path}/*')",
        "from secret_of_python",
        "from read_parquet('http://127.0.0.1:1/x.parquet')",
        "from read_parquet('s3://bucket/x.parquet')",
        f"copy records to '{tmp_path}/out.csv'",
        f"with x as (copy records to '{tmp_path}/out.csv') select 1",
        f"from query('select * from read_text(''{secret}'')')",
        f"attach '{tmp_path}/x.db'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "pragma database_list",
        "create table mine as from records",
        "export database 'mine'",
        "call enable_logging(storage = 'file')",
        "explain analyze copy records to 'out.csv'",
        "select getenv('HOME')",
        "delete from records",
        "with gone as (delete from records returning *) from gone",
        *(f"with x as (copy (select 1) to '{path}' (format parquet, use_tmp_file false)) select 1" for path in paths),
    ):
        with pytest.raises(QueryError):
            assert list(session.ask(sql).batches) is None, sql
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv"]
    assert ask(made, "from duckdb_secrets()") == []


def test_no_dataset_and_one_of_another_version(made, tmp_path):
    with pytest.raises(DatasetError, match="there is no dataset at "):
        query(str(tmp_path), "select 1")
    other = tmp_path / "other"
    shutil.copytree(made, other)
    about = other / "_lmdecode" / "dataset.json"
    about.write_text(about.read_text().replace('"version": 1', '"version": 7'))
    with pytest.raises(DatasetError, match="version 7"):
        query(str(other), "select 1")


def test_a_file_that_is_gone_or_damaged(made, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(made, other)
    for path in other.rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DatasetError, match=r"other/generation=\S+\.parquet is damaged or cut off: remove it") as caught:
        query(str(other), "select sum(length) from records")
    assert "\n" not in str(caught.value)
    for path in other.rglob("*.parquet"):
        path.unlink()
    with pytest.raises((DatasetError, QueryError)) as caught:
        query(str(other), "select sum(length) from records")
    assert "\n" not in str(caught.value)


def test_sql_that_is_no_text_and_a_value_that_no_format_holds_are_one_line(made):
    with pytest.raises(QueryError, match="the SQL is not in UTF-8"):
        query(str(made), "select \udcff")
    answer = pa.table({"day": pa.array([2_145_042_905], pa.date32())})
    with pytest.raises(QueryError, match=r"as jsonl \(.*\): cast it to varchar"), writing("jsonl"):
        write_jsonl(answer.to_batches(), io.BytesIO())


def test_threads_that_share_a_file_have_places_of_their_own(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(bytes(range(256)) * 64)
    handle = _Handle(path.open("rb"), "a file")
    wrong = []

    def read(place):
        for _ in range(300):
            handle.seek(place)
            if handle.read(2)[:1] != bytes([place]):
                wrong.append(place)

    threads = [threading.Thread(target=read, args=(place,)) for place in (3, 77, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handle.close()
    assert not wrong


ENDLESS = "select count(*) from range(99999999) a, range(9999999) b where a.range * b.range < 0"

INTERRUPTED = """
import os, signal, sys, threading
from lmdecode.app.query import opened

signal.signal(signal.SIGINT, signal.default_int_handler)
with opened(sys.argv[1]) as session:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        list(session.ask(sys.argv[2]).batches)
    except KeyboardInterrupt:
        print("ended")
"""


def test_ctrl_c_ends_a_query(made):
    """It has a process of its own: a signal that comes after the query would end all tests of this one."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(made), ENDLESS], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")


def test_ctrl_c_ends_a_query_that_has_not_quite_begun(made, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    def late(connection):
        time.sleep(0.1)  # by now the first interruption has found nothing
        return connection.sql(ENDLESS).fetchall()

    monkeypatch.setattr(Future, "result", interrupted)
    with opened(str(made)) as session, pytest.raises(KeyboardInterrupt):
        session._interruptible(late, session._connection)
