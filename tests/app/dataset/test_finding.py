"""From what the user typed to the files that are there."""

from __future__ import annotations

import gzip
import os
import threading
from datetime import datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import fsspec
import pytest

from lmdecode.app.dataset.finding import find
from tests.capture.building import packets, pcap, talk

CAPTURE = pcap(packets(talk().segments))


def names(found):
    return [file.name for file in found.files]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a folder of captures and other files."""
    monkeypatch.chdir(tmp_path)
    inside = tmp_path / "captures"
    (inside / "older").mkdir(parents=True)
    (inside / "b.pcap").write_bytes(CAPTURE)
    (inside / "a.unnamed").write_bytes(gzip.compress(CAPTURE + b" "))
    (inside / "older" / "c.pcap1").write_bytes(CAPTURE + b"  ")
    (inside / "notes.txt").write_text("The machine was descaled on Monday.\n")
    (inside / ".hidden.pcap").write_bytes(CAPTURE)
    (inside / ".git").mkdir()
    (inside / ".git" / "d.pcap").write_bytes(CAPTURE)
    return inside


def test_a_file_is_taken_as_it_is(folder):
    found = find(["captures/b.pcap", "captures/notes.txt", "captures/.hidden.pcap"], "data")
    assert names(found) == ["captures/b.pcap", "captures/notes.txt", "captures/.hidden.pcap"]
    (file, *_) = found.files
    assert (file.url, file.size) == (str(folder / "b.pcap"), len(CAPTURE))
    assert file.modified_ns == (folder / "b.pcap").stat().st_mtime_ns
    assert found.wrong == found.notes == []


@pytest.mark.usefixtures("folder")
def test_of_a_folder_the_captures_are_taken():
    found = find(["captures"], "data")
    assert names(found) == ["captures/a.unnamed", "captures/b.pcap", "captures/older/c.pcap1"]
    assert found.notes == ["captures: 1 file is no capture and was passed over (notes.txt)"]
    assert found.wrong == []


def test_what_has_a_capture_s_name_is_taken_though_it_is_damaged(folder):
    (folder / "half.pcap").write_bytes(b"\xd4\xc3")
    (folder / "empty.pcapng.gz").touch()
    assert {"captures/half.pcap", "captures/empty.pcapng.gz"} <= {*names(find(["captures"], "data"))}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("captures/*.pcap", ["captures/b.pcap"]),
        ("captures/**", ["captures/a.unnamed", "captures/b.pcap", "captures/older/c.pcap1"]),
        ("captures/**/*.pcap*", ["captures/b.pcap", "captures/older/c.pcap1"]),
        ("captures/[ab].*", ["captures/a.unnamed", "captures/b.pcap"]),
        ("capt*", ["captures/a.unnamed", "captures/b.pcap", "captures/older/c.pcap1"]),
    ],
)
def test_a_pattern_is_for_files_and_folders(folder, pattern, expected):
    assert sorted(names(find([pattern], "data"))) == expected
    assert sorted(names(find([str(folder.parent / pattern)], "data"))) == [
        str(folder.parent / each) for each in expected
    ]


def test_a_file_whose_name_is_a_pattern_is_taken(folder):
    (folder / "[1].pcap").write_bytes(CAPTURE)
    assert names(find(["captures/[1].pcap"], "data")) == ["captures/[1].pcap"]


def test_each_file_is_taken_once(folder):
    (folder / "older" / "same.pcap").symlink_to(folder / "b.pcap")
    (folder / "older" / "hard.pcap").hardlink_to(folder / "b.pcap")
    found = find(["captures/b.pcap", "captures", "captures/*.pcap"], "data")
    assert names(found) == ["captures/b.pcap", "captures/a.unnamed", "captures/older/c.pcap1"]
    assert found.wrong == []


def test_links_are_followed_and_a_loop_of_them_ends(folder, tmp_path):
    elsewhere = tmp_path / "disk"
    elsewhere.mkdir()
    (elsewhere / "e.pcap").write_bytes(CAPTURE)
    (folder / "linked").symlink_to(elsewhere)
    (folder / "older" / "loop").symlink_to(folder)
    (folder / "nowhere.pcap").symlink_to(tmp_path / "missing")
    found = find(["captures"], "data")
    assert "captures/linked/e.pcap" in names(found)
    assert len(found.files) == 4
    assert found.wrong == []


def test_datasets_are_left_out(folder):
    (folder / "data" / "generation=v1").mkdir(parents=True)
    (folder / "data" / "generation=v1" / "x.pcap").write_bytes(CAPTURE)
    (folder / "another" / "_lmdecode").mkdir(parents=True)
    (folder / "another" / "y.pcap").write_bytes(CAPTURE)
    assert len(find(["captures"], "captures/data").files) == 3
    (line, code) = find(["captures/another"], "captures/data").wrong[0]
    assert (line, code) == ("captures/another is a dataset; name the folder of the captures", 1)


def test_an_empty_folder_is_said_to_be_one(folder):
    (folder / "empty").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts" / "a.md").write_text("# A text\n")
    found = find(["captures/empty", "captures/texts"], "data")
    assert [each.line for each in found.wrong] == [
        "captures/empty: no capture is in it",
        "captures/texts: nothing in it is a capture; name a file to have it read",
    ]


def test_what_is_wrong_with_one_name_does_not_stop_the_others(folder):
    os.mkfifo(folder / "pipe")
    found = find(
        ["missing.pcap", "", "*.none", "a\0b", "captures/pipe", "captures/b.pcap", "captures/b.pcap/x"], "data"
    )
    assert names(found) == ["captures/b.pcap"]
    assert [(each.line, each.exit_code) for each in found.wrong] == [
        ("missing.pcap does not exist; check the path", 1),
        ("'' is no name of a file; check the path", 2),
        ("*.none: no file matches this pattern; check the path", 1),
        ("'a\\x00b' is no name of a file; check the path", 2),
        ("captures/pipe is a pipe or a device; save what comes out of it as a file first", 2),
        ("captures/b.pcap/x cannot be read (Not a directory); check the path", 1),
    ]


def test_a_name_that_is_no_text_can_be_written(folder):
    (folder / os.fsdecode(b"k\xe9.pcap")).write_bytes(CAPTURE)
    (file,) = (each for each in find(["captures"], "data").files if "udce9" in each.name)
    assert file.name == "captures/k\\udce9.pcap"
    assert open(file.url, "rb").read() == CAPTURE  # noqa: PTH123, SIM115 -- it is a text


# Elsewhere


@pytest.fixture
def bucket():
    storage = fsspec.filesystem("memory")
    storage.store.clear()
    for path in ("a.pcap", "b.pcapng.gz", "older/c.pcap03", "notes.txt", ".hidden/d.pcap", ".e.pcap"):
        storage.pipe(f"/bucket/{path}", CAPTURE)
    storage.pipe("/bucket/data/_lmdecode/dataset.json", b"{}")
    storage.pipe("/bucket/data/generation=v1/x.pcap", CAPTURE)
    yield storage
    storage.store.clear()


@pytest.mark.usefixtures("bucket")
def test_of_a_bucket_what_has_a_capture_s_name_is_taken():
    found = find(["memory://bucket"], "data")
    assert names(found) == ["memory://bucket/a.pcap", "memory://bucket/b.pcapng.gz", "memory://bucket/older/c.pcap03"]
    assert [each.url for each in found.files] == names(found)
    assert found.notes == ["memory://bucket: 1 file is no capture and was passed over (notes.txt)"]
    assert find(["memory://bucket/data"], "memory://bucket/data").files == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("memory://bucket/a.pcap", ["memory://bucket/a.pcap"]),
        ("memory://bucket/notes.txt", ["memory://bucket/notes.txt"]),
        ("memory://bucket/*.pcap*", ["memory://bucket/a.pcap", "memory://bucket/b.pcapng.gz"]),
        ("memory://bucket/**/*.pcap03", ["memory://bucket/older/c.pcap03"]),
        ("memory://bucket/older", ["memory://bucket/older/c.pcap03"]),
    ],
)
@pytest.mark.usefixtures("bucket")
def test_a_file_a_pattern_and_a_folder_elsewhere(text, expected):
    found = find([text], "data")
    assert names(found) == expected
    assert found.wrong == []


def test_what_is_not_there_elsewhere_is_said(bucket):
    bucket.mkdir("/empty")
    lines = [each.line for each in find(["memory://missing", "memory://empty", "memory://bucket/*.no"], "data").wrong]
    assert lines == [
        "memory://missing does not exist; check the address",
        "memory://empty: no capture is in it",
        "memory://bucket/*.no: no file matches this pattern; check the address",
    ]


class Server:
    """A server with folders and links, as fsspec has one of SFTP."""

    protocol = ("sftp", "ssh")
    tree: ClassVar = {
        "/c": [
            ("a.pcap", "file"),
            ("loop", "link"),
            ("link.pcap", "link"),
            (".git", "directory"),
            ("sub", "directory"),
        ],
        "/c/sub": [("b.pcap1", "file"), ("notes.txt", "file")],
    }

    def invalidate_cache(self):
        """Nothing is kept."""

    def info(self, path):
        is_folder = path in self.tree or path.endswith("loop")
        return {"name": path, "size": 5, "type": "directory" if is_folder else "file", "mtime": datetime(2026, 1, 1)}  # noqa: DTZ001 -- as some have it

    def ls(self, path, detail):
        assert detail
        return [{**self.info(f"{path}/{name}"), "type": kind} for name, kind in self.tree[path]]


def test_a_folder_of_a_server_is_gone_through_and_a_loop_of_links_is_not(monkeypatch):
    monkeypatch.setattr("lmdecode.app.dataset.listing.file_system", lambda _url: (Server(), "/c"))
    found = find(["sftp://me:hunter2@nas:22/c"], "data")
    assert [(file.url, file.name) for file in found.files] == [
        (f"sftp://me:hunter2@nas:22/c/{name}", f"sftp://nas:22/c/{name}")
        for name in ("a.pcap", "link.pcap", "sub/b.pcap1")
    ]
    assert {file.modified_ns for file in found.files} == {1_767_225_600_000_000_000}
    assert found.notes == ["sftp://nas:22/c: 1 file is no capture and was passed over (notes.txt)"]


def test_a_file_in_an_archive_is_read_where_it_is(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("day/a.pcap", CAPTURE)
        archive.writestr("b.txt", "text")
    found = find([f"zip://day/a.pcap::file://{tmp_path}/all.zip", f"zip://::file://{tmp_path}/all.zip"], "data")
    assert names(found) == [f"zip://day/a.pcap::file://{tmp_path}/all.zip"]


@pytest.fixture
def web(tmp_path):
    """A web server with a folder of captures, and its address."""
    (tmp_path / "site" / "older").mkdir(parents=True)
    (tmp_path / "site" / "a.pcap").write_bytes(CAPTURE)
    (tmp_path / "site" / "older" / "b 1.pcap").write_bytes(CAPTURE)
    (tmp_path / "site" / "page.htm").write_text("<a href='/site/'>up</a>")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_args):
            """Nothing is written."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_listing_of_a_web_server_is_a_folder(web):
    found = find([f"http://me:hunter2@{web}/site/"], "data")
    assert names(found) == [f"http://{web}/site/a.pcap", f"http://{web}/site/older/b%201.pcap"]
    assert [file.size for file in found.files] == [len(CAPTURE)] * 2
    assert all(file.url.startswith("http://me:hunter2@") and file.stamp and file.modified_ns for file in found.files)
    assert [each.line for each in find([f"http://{web}/none.pcap"], "data").wrong] == [
        f"http://{web}/none.pcap does not exist; check the address"
    ]
