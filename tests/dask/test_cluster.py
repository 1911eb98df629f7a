"""Captures on worker processes of this computer: the same rows, whatever dies meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dask
import distributed.config  # noqa: F401 -- its configuration must be there before a part of it is changed for a while
import pytest

from lmdecode.app.dataset.cluster import runner
from lmdecode.app.dataset.cluster_work import Task
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.errors import UsageError
from lmdecode.app.export import OneByOne
from tests.dask import hooked_worker
from tests.dask.samples import KEY, ROWS, job_for, rows_of_dataset, states_of, units_of, write_captures


def test_workers_that_die_lose_nothing_and_double_nothing(tmp_path, monkeypatch, capfd):
    """One worker is killed from outside in the middle, and one capture kills each worker that it is given to."""
    *good, last, killer = write_captures(tmp_path / "captures", 8)
    slow = last.rename(last.with_name("slow.pcap"))
    killer = killer.rename(killer.with_name("killer.pcap"))
    hook = tmp_path / "hook"
    hook.mkdir()
    monkeypatch.setenv(hooked_worker.FOLDER, str(hook))
    job = job_for(str(tmp_path / "many"))
    told: list[str] = []
    with dask.config.set({"distributed.worker.preload": ["tests.dask.hooked_worker"]}):
        cluster = runner("local", 2, tell=told.append)
        try:
            killing = _kill_who_is_slow(hook / "slow")
            results = list(cluster.run(units_of([killer, slow, *good]), job))
            assert killing.wait(timeout=10) == 0
        finally:
            cluster.close()
    assert states_of(results) == {path.name: "added" for path in (*good, slow)} | {"killer.pcap": "failed"}
    [aside] = [each for each in results if each.state == "failed"]
    assert aside.reason.startswith("set aside: the worker that decoded it was killed")
    assert (hook / "deaths").read_text() == "xx"
    assert [each.name for each in open_dataset(job.dataset).failures()] == [str(killer)]
    assert told == []
    assert capfd.readouterr() == ("", "")

    alone = job_for(str(tmp_path / "one"))
    assert {each.state for each in OneByOne().run(units_of([*good, slow]), alone)} == {"added"}
    rows = rows_of_dataset(job.dataset)
    assert rows.num_rows == 7 * ROWS
    assert rows.equals(rows_of_dataset(alone.dataset))


def _kill_who_is_slow(file: Path) -> subprocess.Popen[bytes]:
    """Starts a process that kills the worker whose number is in a file, as soon as it is there."""
    code = (
        "import os, pathlib, sys, time\nfile = pathlib.Path(sys.argv[1])\nwhile not file.exists(): time.sleep(0.05)\n"
    )
    return subprocess.Popen([sys.executable, "-c", f"{code}os.kill(int(file.read_text()), 9)", str(file)])


INTERRUPTED = """
import signal
import sys
from pathlib import Path
from lmdecode.app.dataset import cluster_fork
from lmdecode.app.dataset.cluster import runner
from tests.dask.samples import job_for, units_of

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background of a shell ignore it
    cluster = runner("local", 2)
    try:
        for result in cluster.run(units_of(sorted(Path(sys.argv[1]).iterdir())), job_for(sys.argv[2])):
            print(result.state, flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        cluster.close()
"""


def test_ctrl_c_ends_workers_at_once_and_says_nothing(tmp_path):
    write_captures(tmp_path / "captures", 150)
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    process = subprocess.Popen(
        [sys.executable, script, tmp_path / "captures", tmp_path / "dataset"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        start_new_session=True,
    )
    assert process.stdout.readline() == b"added\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the workers as well
    begun = time.monotonic()
    _, error = process.communicate(timeout=30)
    assert time.monotonic() - begun < 10  # 0.7 s, where nothing else runs
    assert (process.returncode, error) == (0, b"")
    deadline = time.monotonic() + 10
    while left := _alive(process.pid):  # Python's own helper process sees a moment later that nobody is left
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    assert 0 < len(open_dataset(str(tmp_path / "dataset")).entries()) < 150


def _alive(group: int) -> list[str]:
    """Returns the command lines of the processes of a group that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append((folder / "cmdline").read_text().replace("\0", " "))
    return found


@pytest.mark.parametrize(
    ("scheduler", "workers", "line"),
    [
        ("locally", None, "--scheduler 'locally': give local, or an address such as tcp://host:8786"),
        ("tcp://host", None, "--scheduler 'tcp://host': give local, or an address such as tcp://host:8786"),
        ("tcp://me:secret@host:8786", None, "--scheduler: an address has no user and no password: tcp://host:8786"),
        ("tcp://host:8786", 2, "--workers goes with --scheduler local: another scheduler has the workers that it has"),
        ("local", 0, "--workers 0: give 1 or more"),
    ],
)
def test_what_cannot_be_meant(scheduler, workers, line):
    with pytest.raises(UsageError) as told:
        runner(scheduler, workers)
    assert str(told.value) == line


FORKED = """
import os
import sys
from lmdecode.app.dataset import cluster_fork
from lmdecode.app.dataset.cluster_start import LocalWorkers

def seen():
    return os.environ["SEEN"], "lmdecode.app.dataset.cluster_imports" in sys.modules

if __name__ == "__main__":
    for os.environ["SEEN"] in ("one", "two"):
        workers = LocalWorkers(1, 1 << 20)
        with workers.client() as client:
            print(*client.submit(seen, pure=False).result(timeout=30))
        workers.close()
    del os.environ["SEEN"]
    print(cluster_fork.start())
"""


def test_workers_have_their_imports_from_one_process_and_todays_variables(tmp_path):
    """A variable that is gone since would stay in that process, so workers then start by themselves."""
    script = tmp_path / "forked.py"
    script.write_text(FORKED)
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )
    forked = sys.platform == "linux"
    assert (done.stdout, done.stderr) == (f"one {forked}\ntwo {forked}\nFalse\n", "")


def test_a_task_shows_its_capture_and_no_secret(tmp_path):
    [unit] = units_of(write_captures(tmp_path, 1))
    job = job_for(str(tmp_path / "dataset"))
    assert repr(Task(unit, job)) == f"<capture {unit.name}>"
    assert KEY not in repr(job)
