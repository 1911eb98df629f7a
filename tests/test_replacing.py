"""A file is whole or not there, whatever happens."""

from __future__ import annotations

import os
import stat

import pytest

from lmdecode.atomic_file import behind_links, replacing


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("private", [False, True])
def test_it_is_there_when_the_block_ended(private, tmp_path):
    path = tmp_path / "x"
    with replacing(path, private=private) as file:
        file.write(b"all")
        assert not path.exists()
    assert path.read_bytes() == b"all"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("private", [False, True])
def test_an_error_leaves_what_was_there(private, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"before")

    def fail():
        with replacing(path, private=private) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="a system with other rights")
@pytest.mark.parametrize(
    ("before", "private", "after"),
    [(None, False, 0o640), (None, True, 0o600), (0o604, False, 0o604), (0o604, True, 0o600)],
)
def test_its_rights_are_those_of_any_new_file_or_of_the_old_one(before, private, after, tmp_path):
    path = tmp_path / "x"
    if before is not None:
        path.touch()
        path.chmod(before)
    mask = os.umask(0o027)
    try:
        with replacing(path, private=private):
            pass
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(mask)
    assert mode(path) == after


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "none" / "x"):
        pass


def test_links_are_followed_as_far_as_they_lead(tmp_path):
    (tmp_path / "a").symlink_to("b")
    assert behind_links(tmp_path / "a") == tmp_path / "b"
    (tmp_path / "b").symlink_to("a")
    assert behind_links(tmp_path / "a") is None
