"""One export at a time: the second is told who has the lock, and a dead one's is taken over."""

import os
import subprocess
import sys
import time

import fsspec
import pytest

from lmdecode.app.dataset import layout, lock
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.lock import Owner, has, held
from lmdecode.app.dataset.storage import storage_at


@pytest.fixture(params=["disk", "memory"])
def storage(request, tmp_path):
    if request.param == "disk":
        yield storage_at(str(tmp_path / "years"))
        return
    url = f"memory://{tmp_path.name}-{os.getpid()}"
    yield storage_at(url)
    fsspec.filesystem("memory").rm(url, recursive=True)


def test_the_second_is_refused_in_one_line_that_says_who_and_what_to_do(storage):
    storage.write("x", b"")
    with held(storage) as first, pytest.raises(DatasetError) as told, held(storage):
        pass

    text = str(told.value)
    assert f"{storage.name} is being written by another export by process {os.getpid()} on " in text
    assert ", since 20" in text
    assert "\n" not in text
    assert told.value.exit_code == 1
    assert text.endswith("end it" if storage.local else f"remove {storage.name}/_lmdecode/lock")
    assert not has(storage, first.token)


def test_it_is_free_again_afterwards(storage):
    storage.write("x", b"")
    with pytest.raises(ZeroDivisionError), held(storage):
        raise ZeroDivisionError
    with held(storage) as again:
        assert has(storage, again.token)
    assert not has(storage, again.token)


def test_a_worker_sees_that_its_export_is_over(storage):
    with held(storage) as mine:
        assert has(storage, mine.token)
        assert not has(storage, "another")
        mine.end()
        assert not has(storage, mine.token)
        with pytest.raises(DatasetError, match="another export"), held(storage):
            pass


def test_a_lock_of_a_process_that_is_gone_is_taken_over():
    storage = storage_at(f"memory://gone-{os.getpid()}")
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    gone = Owner.here()
    storage.write(layout.LOCK, Owner(gone.host, child.pid, gone.since, "x", gone.space).to_json())

    with held(storage) as mine:
        assert has(storage, mine.token)
    assert not storage.exists(layout.LOCK)


@pytest.mark.parametrize(
    "content",
    [
        Owner("elsewhere", 1, "2026-11-30T12:00:00Z", "x", "another computer").to_json(),
        Owner("here", 2_000_000_000, "2026-11-30T12:00:00Z", "x", "").to_json(),
        b"",
        b"{",
        b"[]",
        b'{"host": "h", "pid": "x", "since": "", "token": "", "space": ""}',
    ],
)
def test_a_lock_of_which_nobody_knows_stays(content):
    storage = storage_at(f"memory://unknown-{os.getpid()}")
    storage.write(layout.LOCK, content)

    with pytest.raises(DatasetError, match="is being written by another export"), held(storage):
        pass
    assert storage.read(layout.LOCK) == content
    storage.remove(layout.LOCK)


def test_the_system_frees_the_lock_of_a_process_that_was_killed(tmp_path):
    text = (
        "import sys, time\nfrom lmdecode.app.dataset.lock import held\n"
        "from lmdecode.app.dataset.storage import storage_at\n"
        "with held(storage_at(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", text, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    storage = storage_at(str(tmp_path))
    with pytest.raises(DatasetError, match=f"by process {child.pid} on"), held(storage):
        pass
    child.kill()
    child.wait()
    child.stdout.close()

    with held(storage) as mine:
        assert has(storage, mine.token)


def test_a_folder_that_nobody_may_write_is_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")

    with (
        pytest.raises(DatasetError, match="is a file, or lies in one: name a folder"),
        held(storage_at(str(tmp_path / "file" / "x"))),
    ):
        pass


def test_a_process_of_another_user_is_not_gone(monkeypatch):
    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(lock.os, "kill", refuse)
    assert not Owner.here().is_gone
    assert time.strptime(Owner.here().since, "%Y-%m-%dT%H:%M:%SZ")
