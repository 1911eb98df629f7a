"""From what the user typed to the files that are there: files, folders, patterns and URLs of these.

What is named is taken as it is, and its decode says what is wrong with it. A folder has other files as well. Taken of
it is what holds a capture by its first bytes, and what has a capture's name: half of a capture that was copied badly is
to be reported, not passed over. Elsewhere the first bytes of each file cost a request, so there the name decides alone.
The rest is counted in a note.

Left out of folders and patterns:

- hidden files and folders, whose names begin with a dot: of editors, of `rsync` while it copies, of our own outputs;
- datasets: folders that have a folder `_lmdecode`, and the one that is written to;
- a folder or file that was there already under another name. Links are followed, and so a loop of links ends.

What is wrong with one name does not stop the others.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from lmdecode.app.dataset import layout
from lmdecode.app.dataset.places import is_url, local_file, shown
from lmdecode.app.dataset.unit import File
from lmdecode.capture.formats import open_capture
from lmdecode.capture.source import CaptureError
from lmdecode.codec.printable import encodable
from lmdecode.render.counts import count_text

_NAMES: Final = re.compile(
    r"\.(?:pcap|pcapng|cap|dmp|ntar|btsnoop|pklg|har|saz|flows?|mitm)\d{0,9}(?:\.(?:gz|xz|bz2|zst))?$", re.IGNORECASE
)
"""Names that captures have, and hardly anything else. `tcpdump -C` puts numbers behind them."""
_MOST_NAMED: Final = 3  # files that were passed over, that a note names


class Trouble(NamedTuple):
    """What is wrong with something that the user named."""

    line: str
    exit_code: int = 1


@dataclass(slots=True)
class Found:
    """The files that are there."""

    files: list[File] = field(default_factory=list)
    """Each once, in the order in which they were named, and those of a folder in the order of their names."""
    wrong: list[Trouble] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is good to know: what was passed over."""


def find(captures: Sequence[str], dataset: str) -> Found:
    """Returns the files that are meant by names, folders, patterns and URLs. Raises nothing.

    Args:
        captures: What the user typed.
        dataset: Where the dataset is, which holds no captures.
    """
    finder = _Finder(dataset)
    for each in captures:
        finder.take(each)
    return finder.found


class _Finder:
    """Goes through what was named, and takes each file once."""

    def __init__(self, dataset: str) -> None:
        self.found = Found()
        self._dataset = dataset
        self._dataset_id = None if is_url(dataset) else _identity(dataset)
        self._seen: set[object] = set()
        self._repeated = 0  # files that were there before, under another name

    def take(self, text: str) -> None:
        """Takes what the user typed once."""
        before = len(self.found.files) + len(self.found.wrong)
        passed: list[str] = []
        repeated = self._repeated
        try:
            if is_url(text) and not os.path.lexists(text):
                self._take_url(text, passed)
            elif "\0" in text or not text:
                self._wrong(f"{encodable(text)!r} is no name of a file; check the path", 2)
            else:
                self._take_path(text, passed)
        except CaptureError as error:
            self._wrong(str(error), error.exit_code)
        if passed:
            self.found.notes.append(_passed_over(text, passed))
        if len(self.found.files) + len(self.found.wrong) == before and repeated == self._repeated:
            name = shown(text) if is_url(text) else encodable(text)
            what = "no capture is in it" if not passed else "nothing in it is a capture; name a file to have it read"
            self._wrong(f"{name}: {what}", 1)

    def _wrong(self, line: str, exit_code: int = 1) -> None:
        self.found.wrong.append(Trouble(line, exit_code))

    # On this computer

    def _take_path(self, text: str, passed: list[str]) -> None:
        if glob.has_magic(text) and not os.path.lexists(text):
            names = sorted(each for each in glob.iglob(text, recursive=True))  # noqa: PTH207 -- Path.glob takes no absolute pattern
            if not names:
                self._wrong(f"{encodable(text)}: no file matches this pattern; check the path")
            for name in names:
                self._take_in(Path(name), passed)
            return
        path = Path(text)
        try:
            status = path.stat()
        except OSError as error:
            self._wrong(_unreadable(path, error))
            return
        if not stat.S_ISDIR(status.st_mode):
            self._take_file(path, status)
        elif self._is_dataset(path):
            self._wrong(f"{encodable(text)} is a dataset; name the folder of the captures")
        else:
            self._take_folder(path, passed)

    def _take_folder(self, folder: Path, passed: list[str]) -> None:
        """Takes what is in a folder, and in those below it."""
        if self._is_repeated(folder) or self._is_dataset(folder):
            return
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self._wrong(_unreadable(folder, error))
            return
        for entry in entries:
            if not entry.name.startswith("."):
                self._take_in(folder / entry.name, passed)

    def _take_in(self, path: Path, passed: list[str]) -> None:
        """Takes what is at a path, if it is a folder or holds a capture."""
        try:
            status = path.stat()
        except OSError as error:
            if not isinstance(error, FileNotFoundError):  # a link that leads nowhere
                self._wrong(_unreadable(path, error))
            return
        if stat.S_ISDIR(status.st_mode):
            self._take_folder(path, passed)
        elif stat.S_ISREG(status.st_mode):
            try:
                is_wanted = _NAMES.search(path.name) is not None or _holds_capture(path)
            except OSError as error:
                self._wrong(_unreadable(path, error))
                return
            if is_wanted:
                self._take_file(path, status)
            else:
                passed.append(encodable(path.name))

    def _take_file(self, path: Path, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            self._wrong(f"{encodable(str(path))} is a pipe or a device; save what comes out of it as a file first", 2)
        elif not self._is_repeated(path):
            self.found.files.append(local_file(os.path.abspath(path), encodable(str(path)), status))  # noqa: PTH100 -- Path.resolve would follow links

    def _is_repeated(self, path: Path) -> bool:
        """Returns whether a file or folder was there before, and remembers it."""
        known = _identity(path)
        if known in self._seen:
            self._repeated += 1
            return True
        self._seen.add(known)
        return False

    def _is_dataset(self, folder: Path) -> bool:
        return _identity(folder) == self._dataset_id or (folder / layout.OWN).is_dir()

    # Elsewhere

    def _take_url(self, url: str, passed: list[str]) -> None:
        from lmdecode.app.dataset.listing import listed

        for file, is_named in listed(url, self._dataset):
            if not is_named and _NAMES.search(file.name) is None:
                passed.append(file.name.rpartition("/")[2])
            elif file.url in self._seen:
                self._repeated += 1
            else:
                self._seen.add(file.url)
                self.found.files.append(file)


def _identity(path: Path | str) -> object:
    """Returns what a file or folder is, whatever its name; None if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 -- text or path
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _holds_capture(path: Path) -> bool:
    """Returns whether a file plainly is a capture, compressed or not. Text that may be anybody's log is none.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb"):
        pass
    try:
        kind, file = open_capture(path)
    except CaptureError:
        return False
    file.close()
    return not kind.is_guess


def _unreadable(path: Path, error: OSError) -> str:
    name = encodable(str(path))
    if isinstance(error, FileNotFoundError):
        return f"{name} does not exist; check the path"
    if isinstance(error, PermissionError):
        return f"{name} cannot be read: permission denied; check its permissions: ls -ld {name}"
    return f"{name} cannot be read ({error.strerror}); check the path"


def _passed_over(text: str, names: Sequence[str]) -> str:
    """Returns a note about files that are no captures."""
    name = shown(text) if is_url(text) else encodable(text)
    listed = ", ".join(names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    verb = "is no capture and was" if len(names) == 1 else "are no captures and were"
    return f"{name}: {count_text(len(names), 'file')} {verb} passed over ({listed}{more})"
