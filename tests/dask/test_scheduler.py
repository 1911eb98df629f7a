"""A scheduler that runs already: it goes away in the middle, has no workers, or other ones than are wanted."""

from __future__ import annotations

import pytest

from lmdecode.app.dataset.cluster import runner
from lmdecode.app.dataset.cluster_health import Health
from lmdecode.app.dataset.cluster_start import SchedulerError
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.export import OneByOne
from tests.dask.samples import KEY, ROWS, everything_in, job_for, rows_of_dataset, states_of, units_of, write_captures
from tests.dask.servers import free_port, scheduler


def test_a_scheduler_that_is_killed_and_started_again_loses_and_doubles_nothing(tmp_path):
    units = units_of(write_captures(tmp_path / "captures", 14))
    job = job_for(str(tmp_path / "many"))
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    with scheduler(port, tmp_path / "first", 2) as (killed, *_):
        cluster = runner(address, None)
        try:
            results = cluster.run(units, job)
            next(results)
            killed.kill()
            with pytest.raises(SchedulerError) as told:
                list(results)
        finally:
            cluster.close()
    assert str(told.value) == (
        f"the scheduler {address} is gone: start it again and run the same command; what is done is kept"
    )
    assert told.value.exit_code == 3
    before = {each.name for each in open_dataset(job.dataset).entries()}
    assert 0 < len(before) < len(units)

    with scheduler(port, tmp_path / "second", 2):
        cluster = runner(address, None)
        try:
            states = states_of(list(cluster.run(units, job)))
        finally:
            cluster.close()
    assert sorted(states.values()) == ["added"] * (len(units) - len(before)) + ["present"] * len(before)

    alone = job_for(str(tmp_path / "one"))
    list(OneByOne().run(units, alone))
    rows = rows_of_dataset(job.dataset)
    assert rows.num_rows == len(units) * ROWS
    assert rows.equals(rows_of_dataset(alone.dataset))
    logs = dict(everything_in(tmp_path / "first")) | dict(everything_in(tmp_path / "second"))
    assert len(logs) >= 6
    assert not [path for path, text in logs.items() if KEY.encode() in text or KEY.encode().hex().encode() in text]


def test_no_scheduler():
    port = free_port()
    with pytest.raises(SchedulerError) as told:
        runner(f"tcp://127.0.0.1:{port}", None, patience=0.5)
    assert str(told.value) == (
        f"no scheduler answers at tcp://127.0.0.1:{port}: start one with `dask scheduler`, and workers with "
        f"`dask worker tcp://127.0.0.1:{port}`"
    )
    assert told.value.exit_code == 3


class FakeClient:
    """What a client of Dask says of a cluster."""

    dashboard_link = "http://s:8787/status"

    def __init__(self, *, workers=1, memory=8 << 30, scheduler=(), **there):
        ours = {
            "lmdecode": "0.1.0",
            "pyarrow": "26.0",
            "fsspec": "2026.9",
            "dask": "2026.8",
            "python": "3.11.7.final.0",
        }
        self._workers = [f"tcp://w{number + 2}:40" for number in range(workers)]
        self._memory = memory
        self._versions = {
            "client": {"packages": ours},
            "scheduler": {"packages": ours | dict(scheduler)},
            "workers": {each: {"packages": ours | there} for each in self._workers},
        }

    def nthreads(self):
        return dict.fromkeys(self._workers, 2)

    def get_versions(self, packages):
        assert "lmdecode" in packages
        return self._versions

    def scheduler_info(self):
        return {"workers": {each: {"memory_limit": self._memory, "nthreads": 2} for each in self._workers}}


def _told(client: FakeClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns what is told of a cluster in its first half minute."""
    now = [1000.0]
    monkeypatch.setattr("lmdecode.app.dataset.cluster_health.monotonic", lambda: now[0])
    told: list[str] = []
    health = Health(client, "tcp://s:8786", 256 << 20, told.append)
    for _ in range(30):
        now[0] += 1
        health.check()
    assert health.threads == 2 * len(client.nthreads())
    return told


@pytest.mark.parametrize(
    ("client", "lines"),
    [
        (FakeClient(), []),
        (
            FakeClient(workers=0),
            [
                (
                    "the scheduler tcp://s:8786 has no worker, and waits for one: start some with "
                    "`dask worker tcp://s:8786`; its dashboard is http://s:8787/status"
                )
            ],
        ),
        (
            FakeClient(dask="2025.1"),
            [
                (
                    "the worker tcp://w2:40 is with dask 2025.1, and here is 2026.8: if captures fail, install the "
                    "same version on both sides"
                )
            ],
        ),
        (
            FakeClient(workers=3, python="3.13.1.final.0"),
            [
                (
                    "the worker tcp://w2:40 and 2 more are with python 3.13, and here is 3.11: if captures fail, "
                    "install the same version on both sides"
                )
            ],
        ),
        (
            FakeClient(memory=512 << 20),
            [
                (
                    "the worker tcp://w2:40 may take 537 MB for 2 captures at a time, which may need 805 MB: start "
                    "workers with --nthreads 1 and a --memory-limit above that"
                )
            ],
        ),
    ],
    ids=["as it should be", "no worker", "another Dask", "another Python", "little memory"],
)
def test_what_is_good_to_know_of_workers_is_told_once(client, lines, monkeypatch):
    assert _told(client, monkeypatch) == lines


@pytest.mark.parametrize(
    ("client", "line"),
    [
        (
            FakeClient(lmdecode=None),
            (
                "the worker tcp://w2:40 is without lmdecode: install lmdecode 0.1.0 with its extra dask where "
                "scheduler and workers run"
            ),
        ),
        (
            FakeClient(scheduler={"lmdecode": None}),
            (
                "the scheduler tcp://s:8786 is without lmdecode: install lmdecode 0.1.0 with its extra dask where "
                "scheduler and workers run"
            ),
        ),
        (
            FakeClient(lmdecode="0.2.0"),
            (
                "the worker tcp://w2:40 is with lmdecode 0.2.0, and here is 0.1.0: install the same version on "
                "both sides"
            ),
        ),
    ],
    ids=["a worker without", "a scheduler without", "another version"],
)
def test_workers_that_cannot_do_it(client, line):
    with pytest.raises(DatasetError) as told:
        Health(client, "tcp://s:8786", 256 << 20, print)
    assert str(told.value) == line
