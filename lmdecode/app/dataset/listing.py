"""The files of folders, buckets and patterns elsewhere, as fsspec lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

from lmdecode.app.dataset import layout
from lmdecode.app.dataset.places import (
    PlaceError,
    exit_code_of,
    file_system,
    is_bucket,
    is_url,
    protocols_of,
    reason_of,
    remote_file,
    shown,
)
from lmdecode.app.dataset.unit import File

_AT_ONCE: Final = 8  # requests for what a listing does not say, as that of a web server
_DEEPEST: Final = 32  # folders in one another; a web server may link to itself
_WEB: Final = frozenset({"http", "https"})
_MAGIC: Final = frozenset("*[")


def listed(url: str, dataset: str) -> Iterator[tuple[File, bool]]:
    """Yields the files that are meant by a URL, each with whether it was named itself.

    Args:
        url: Of a file, of a folder or bucket, or a pattern.
        dataset: Where the dataset is, which holds no captures.

    Raises:
        PlaceError: There is nothing, or it cannot be reached.
    """
    storage, path = file_system(url)
    place = _Place(url, storage, path)
    try:
        storage.invalidate_cache()
        if not place.is_pattern and place.is_file():
            yield remote_file(url, storage, storage.info(path)), True
            return
        found = place.matching() if place.is_pattern else place.below()
        files = [*place.files(found, dataset)]
    except PlaceError:
        raise
    except Exception as error:  # noqa: BLE001 -- each storage has its own
        raise PlaceError(reason_of(error, shown(url)), exit_code_of(error)) from None
    if place.is_pattern and not found:
        raise PlaceError(f"{shown(url)}: no file matches this pattern; check the address")
    yield from ((file, place.is_pattern) for file in files)


class _Place:
    """What is at a URL.

    Args:
        url: As it was typed.
        storage: Its file system.
        path: In that.
    """

    def __init__(self, url: str, storage: Any, path: str) -> None:  # noqa: ANN401 -- fsspec has no types
        self._url = url
        self._storage = storage
        self._path = path
        protocols = protocols_of(storage)
        self._is_web = not protocols.isdisjoint(_WEB)
        self._is_flat = is_bucket(storage) or "memory" in protocols
        """Whether there are no folders, and all that begins with a name is listed at once."""
        self.is_pattern = not _MAGIC.isdisjoint(urlsplit(path).path if self._is_web else path)

    def is_file(self) -> bool:
        """Returns whether there is a file itself. On the web a folder is what ends with a slash."""
        if self._is_web:
            return not self._path.endswith("/")
        return bool(self._storage.info(self._path).get("type") != "directory")

    def matching(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns the files that match a pattern, with what the storage says of each."""
        found: dict[str, Mapping[str, Any]] = self._storage.glob(self._path, detail=True)
        return {path: info for path, info in found.items() if info.get("type") != "directory"}

    def below(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns all files in a folder and in those below it, with what the storage says of each."""
        if self._is_flat:
            found: dict[str, Mapping[str, Any]] = self._storage.find(self._path, detail=True)
            return found
        return dict(self._walk(self._path, 0, set()))

    def _walk(self, folder: str, depth: int, seen: set[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        seen.add(folder.rstrip("/"))
        for info in sorted(self._storage.ls(folder, detail=True), key=lambda each: str(each["name"])):
            path = str(info["name"])
            last = path.rstrip("/").rpartition("/")[2]
            if last.startswith((".", "?")) or "?" in last or path.rstrip("/") in seen or not self._is_below(path):
                continue
            if info.get("type") not in {"file", "directory"}:  # a link; one to a folder may be a loop
                info = self._storage.info(path)  # noqa: PLW2901 -- of what it leads to
                if info.get("type") == "directory":
                    continue
            if info.get("type") == "directory":
                if depth < _DEEPEST:
                    yield from self._walk(path, depth + 1, seen)
            else:
                seen.add(path)
                yield path, info

    def _is_below(self, path: str) -> bool:
        """Returns whether a web page's link leads further down."""
        return not self._is_web or path.startswith(self._path)

    def files(self, found: Mapping[str, Mapping[str, Any]], dataset: str) -> Iterator[File]:
        """Yields the files of a listing, without hidden ones and those of datasets, in the order of their names."""
        mark = f"/{layout.OWN}/"
        inside = {path.partition(mark)[0] + "/" for path in found if mark in path}
        inside |= self._dataset_paths(dataset)
        start = len(self._path.partition("*")[0].rpartition("/")[0])
        wanted = [
            path
            for path in sorted(found)
            if not any(path.startswith(each) for each in inside)
            and not any(part.startswith(".") for part in path[start:].split("/"))
        ]
        if self._is_web:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                infos = [*pool.map(self._storage.info, wanted)]
        else:
            infos = [found[path] for path in wanted]
        for path, info in zip(wanted, infos, strict=True):
            yield remote_file(self._url_of(path), self._storage, info)

    def _dataset_paths(self, dataset: str) -> set[str]:
        if not is_url(dataset):
            return set()
        storage, path = file_system(dataset)
        return {path.rstrip("/") + "/"} if storage == self._storage else set()

    def _url_of(self, path: str) -> str:
        """Returns the URL of a path in the same storage, with what the user typed before the path."""
        if self._is_web:
            return path
        first, *others = self._url.split("::")
        scheme, _, rest = first.partition("://")
        host = "" if self._is_flat or others else rest.partition("/")[0]
        return "::".join((f"{scheme}://{host}{'/' if host else ''}{path.lstrip('/')}", *others))
