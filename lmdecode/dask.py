"""Captures and datasets as DataFrames of Dask: `from lmdecode.dask import read_captures`. Needs the extra `dask`.

A DataFrame of Dask is a plan. Its columns and their types are known at once; captures are read when something is
computed, each by whoever computes it: a thread of this process, or a worker of the cluster that a
`distributed.Client` was made for.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from lmdecode.api.arguments import Keys, PathLike, access_with, as_keyword
from lmdecode.api.decode import CaptureWarning
from lmdecode.app.dataset.cluster_work import Task
from lmdecode.app.dataset.places import shown
from lmdecode.app.dataset.unit import Job
from lmdecode.capture.source import CaptureError
from lmdecode.codec.errors import LmdecodeError, MissingPackageError
from lmdecode.config.known import KnownMachines, known_machines
from lmdecode.extras import install_command

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

    from lmdecode.app.dataset.store import DataFile

Errors: TypeAlias = Literal["raise", "warn"]

_MOST_SHARES: Final = 64

__all__ = ["read_captures", "read_dataset"]


def read_captures(
    urls: PathLike | Iterable[PathLike],
    *,
    config: PathLike | None = None,
    key: Keys | None = None,
    port: int | None = None,
    join: bool = False,
    errors: Errors = "raise",
    blocksize: int | None = None,
) -> dd.DataFrame:
    """Returns the messages of captures as a DataFrame of Dask, one partition for each capture or share of one.

    Its rows and columns are those of a dataset that `lmdecode export` makes of the same captures. The types of the
    columns are Arrow's, so that a column without a value has the same type as all others: `int64[pyarrow]`,
    `timestamp[ns, tz=UTC][pyarrow]`. The captures are listed now, and read when something is computed.

    A capture of a gigabyte or more for which the workers of a `distributed.Client` would wait is several partitions,
    each with the messages of some of its connections. With `blocksize` you share smaller ones as well.

    Args:
        urls: A file, a folder, a pattern or a URL as fsspec takes it (`s3://years/2026-*.pcap`); or several.
        config: The `config.json` with the keys and the machines' names; see `lmdecode.decode`.
        key: The machine's key, or several; see `lmdecode.decode`. Workers get it from here, as part of the plan; on a
            network that others use, let them talk over `tls://`.
        port: The machine's TCP port; None means the ports of all known protocols, and those in the configuration.
        join: Whether files that one recording was cut into (`tcpdump -C`, `-G`) are one capture.
        errors: What happens where a capture cannot be read or decoded. "raise": whatever is computed of it raises
            CaptureError, which names the capture. "warn": it has no rows, and a CaptureWarning names it.
        blocksize: Bytes of a capture for each of its partitions, about, where one would need too much memory. It is
            shared by connection, and each partition reads all of it; there are at most 64. None: by what saves time.

    Raises:
        CaptureError: Nothing is there; or something of `urls` cannot be listed, and `errors` is "raise".
        KeyFormatError: `key` is not a valid key.
        ConfigError: The configuration cannot be used.
        MissingPackageError: Dask is not installed, or what reads from a kind of storage.

    Warns:
        CaptureWarning: Something is wrong with a capture that has rows all the same; as of `lmdecode.decode`.

    >>> from lmdecode.dask import read_captures
    >>> messages = read_captures("captures/gs3*.pcap*", config="captures/config.json")
    >>> messages.npartitions, str(messages.dtypes["coffee_temp"])
    (3, 'double[pyarrow]')
    >>> hottest = messages[messages.capture == "captures/gs3av-settings.pcap"].coffee_temp.max()
    >>> float(hottest.compute())
    97.5
    """
    frames = _dask_dataframe()
    from lmdecode.app.dataset.finding import find  # noqa: PLC0415 -- once Dask is known to be there
    from lmdecode.app.dataset.rotation import units  # noqa: PLC0415
    from lmdecode.app.dataset.shares import WORTHWHILE, Sharing, shares_of  # noqa: PLC0415

    if errors not in {"raise", "warn"}:
        raise ValueError(f'errors={errors!r}: give "raise" or "warn"')
    if blocksize is not None and blocksize < 1:
        raise ValueError(f"blocksize={blocksize}: give 1 or more bytes")
    named = [urls] if isinstance(urls, str | os.PathLike) else list(urls)
    found = find([os.fspath(each) for each in named], "")
    for trouble in found.wrong:
        if errors == "raise":
            raise CaptureError(as_keyword(trouble.line))
        warnings.warn(as_keyword(trouble.line), CaptureWarning, stacklevel=2)
    if not found.files:
        places = ", ".join(shown(os.fspath(each)) for each in named)
        raise CaptureError(f"no capture is in {places or 'an empty list'}")
    job = _job(key, config, port)
    wanted = list(units(found.files, join=join))
    if blocksize is None:
        workers, total, sharing = _workers(), sum(unit.size for unit in wanted), WORTHWHILE
    else:
        workers, total, sharing = _MOST_SHARES, 0, Sharing(blocksize, 2)
    tasks = [Task(unit, job, share) for unit in wanted for share in shares_of(unit, workers, total, sharing)]
    made: dd.DataFrame = frames.from_map(partial(_frame, errors=errors), tasks, meta=_empty(), label="lmdecode-capture")
    return made


def read_dataset(url: PathLike) -> dd.DataFrame:
    """Returns the messages of a dataset as a DataFrame of Dask, one partition for each of its Parquet files.

    Only the columns that something is computed of are read. Columns and types are those of `read_captures`.

    Args:
        url: The dataset that `lmdecode export` made: a folder, or a URL as fsspec takes it.

    Raises:
        DatasetError: There is no dataset, or one of another version.
        MissingPackageError: Dask is not installed, or what reads from a kind of storage.
    """
    frames = _dask_dataframe()
    from lmdecode.app.dataset.store import open_dataset  # noqa: PLC0415

    files = open_dataset(os.fspath(url)).files()
    made: dd.DataFrame = (
        frames.from_map(_file_frame, [_Stored(each) for each in files], meta=_empty(), label="lmdecode-dataset")
        if files
        else frames.from_pandas(_empty(), npartitions=1)
    )
    return made


class _Stored:
    """A file of a dataset, whose text has no password; its columns are read by a worker."""

    __slots__ = ("file",)

    def __init__(self, file: DataFile) -> None:
        self.file = file

    def __repr__(self) -> str:
        return f"<file {shown(self.file.path)}>"


def _dask_dataframe() -> Any:  # noqa: ANN401 -- a module
    try:
        import dask.dataframe as dd  # noqa: PLC0415 -- only who uses it has it
    except ImportError:
        raise MissingPackageError(f"this needs Dask: {install_command('dask')}") from None
    return dd


def _workers() -> int:
    """Returns how many processes compute at once; threads of one process wait for each other."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return 1
    try:
        workers = distributed.get_client().nthreads()
    except (ValueError, OSError):  # there is no client, or its scheduler is gone
        return 1
    return max(1, sum(not address.startswith("inproc:") for address in workers))


def _job(key: Keys | None, config: PathLike | None, port: int | None) -> Job:
    """Returns what captures are decoded with."""
    access = access_with(key, config, show_secrets=False)
    path = None if config is None else Path(config)
    known = KnownMachines() if key is not None and path is None else known_machines(path)
    return Job(
        "",
        tuple(access.keys),
        access.origin,
        access.missing,
        port=port,
        ports=frozenset() if port else known.ports,
        known=known,
    )


def _frame(task: Task, *, errors: Errors, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Returns the rows of a capture; on a worker."""
    from lmdecode.app.dataset.rows import rows_of  # noqa: PLC0415 -- only workers need what it needs

    try:
        rows = rows_of(task.unit, task.job, _warn, task.share)
    except LmdecodeError as error:
        name = task.unit.name
        line = as_keyword(str(error))
        line = line if name in line else f"{name}: {line}"
        if errors == "raise":
            raise CaptureError(line) from None
        _warn(line)
        return _empty()[list(columns)] if columns else _empty()
    return _as_frame(rows.select(columns) if columns else rows)


def _file_frame(stored: _Stored, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Returns the rows of a file of a dataset; on a worker."""
    from lmdecode.app.dataset.rows import table_of  # noqa: PLC0415

    return _as_frame(table_of(stored.file, columns))


def _as_frame(table: Any) -> pd.DataFrame:  # noqa: ANN401 -- pyarrow has no types
    import pandas as pd  # noqa: PLC0415

    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def _empty() -> pd.DataFrame:
    from lmdecode.app.dataset.schema import dataset_schema  # noqa: PLC0415

    return _as_frame(dataset_schema().empty_table())


def _warn(line: str) -> None:
    """Warns here; from a worker also there where the result is waited for."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        warnings.warn(line, CaptureWarning, stacklevel=2)
    else:
        distributed.warn(line, CaptureWarning)
