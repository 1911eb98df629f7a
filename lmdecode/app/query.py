"""SQL over a dataset, by DuckDB, which sees the dataset and nothing else.

The SQL may be anybody's: of a page, of a colleague, of a program. DuckDB can do more than ask: read every file of the
user, write files, load extensions, open addresses. What keeps it from all of that:

- DuckDB itself: no access outside, no extensions, no local files, no variables of Python, and its settings are locked;
- the dataset's files reach it through a file system of ours that only reads. Without it, `with x as (copy …)` could
  write over the dataset's own files, since DuckDB does not tell reading from writing in what it allows.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.places import file_system, is_url, shown
from lmdecode.app.dataset.schema import PARTITIONS, dataset_schema
from lmdecode.app.dataset.storage import telling
from lmdecode.app.dataset.store import open_dataset
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.export_report import without_name
from lmdecode.codec.errors import MissingPackageError
from lmdecode.extras import install_command

if TYPE_CHECKING:
    from lmdecode.app.dataset.entries import Entry, Failure

RECORDS: Final = "records"
"""The table of messages."""
CAPTURES: Final = "captures"
"""The table of captures: those that are in the dataset, and those that failed."""

_AGAIN: Final = 0.05  # seconds
_BATCH: Final = 8192  # rows
_LONGEST_HINT: Final = 200  # characters
_OURS: Final = "dataset"
_HINT: Final = re.compile(r"^(?:Did you mean|Candidate bindings|HINT)\b.*", re.MULTILINE)
_NAMED: Final = re.compile(_OURS + r"://(/[^'\"\s]{1,900}?\.parquet)")
_KIND: Final = re.compile(r"^[A-Z][A-Za-z ]+ (?:Error|Exception): ")
_READING: Final = frozenset({"SELECT", "MULTI"})
"""The kinds of statements that DuckDB's parser tells apart and that may run; a `PIVOT` is of several parts."""


class QueryError(UsageError, ValueError):
    """An SQL text that DuckDB does not take, or that fails in it: one line, with DuckDB's hint."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a query."""

    columns: Any
    """A `pyarrow.Schema`."""
    batches: Iterator[Any]
    """`pyarrow.RecordBatch`es. Errors of SQL may be raised while they are made."""


class Session:
    """A dataset that is opened for queries, one after the other.

    Args:
        connection: DuckDB's, which sees the dataset and nothing else.
        duckdb: Its module.
        files: Where the dataset's files are, by the names that DuckDB has for them.
    """

    def __init__(self, connection: Any, duckdb: Any, files: Mapping[str, str]) -> None:  # noqa: ANN401 -- loaded late
        self._connection = connection
        self._duckdb = duckdb
        self._files = files
        self._pool = ThreadPoolExecutor(1)

    def close(self) -> None:
        """Waits for what was interrupted."""
        self._pool.shutdown()

    def ask(self, sql: str) -> Answer:
        """Returns the answer to a query, which is made as it is read, and must be read before the next.

        Args:
            sql: One statement that reads. Its tables are `records` and `captures`.

        Raises:
            QueryError: The SQL cannot be understood, does more than read, or fails.
        """
        with _in_one_line(self._duckdb, self._files):
            _refuse_all_but_reading(self._connection, sql)
            relation = self._interruptible(self._connection.sql, sql)
            if relation is None:
                raise QueryError("the SQL has no result: begin it with SELECT")
            reader = self._interruptible(relation.to_arrow_reader, _BATCH)
        return Answer(reader.schema, self._read(reader))

    def _read(self, reader: Any) -> Iterator[Any]:  # noqa: ANN401 -- without types
        with _in_one_line(self._duckdb, self._files):
            while (batch := self._interruptible(next, reader, None)) is not None:
                yield batch

    def _interruptible(self, work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 -- without types
        """Returns what work gives, which is done in a thread: Arrow does not look for Ctrl-C while it waits."""
        future = self._pool.submit(work, *arguments)
        try:
            return future.result()
        except KeyboardInterrupt:
            while not future.done():  # what has not quite begun does not notice the first one
                self._connection.interrupt()
                wait([future], _AGAIN)
            raise


@contextmanager
def opened(dataset: str) -> Iterator[Session]:
    """Opens a dataset for queries.

    Args:
        dataset: Where it is: a path or a URL.

    Raises:
        DatasetError: There is no dataset, or it cannot be read.
        MissingPackageError: DuckDB or pyarrow is not installed.
    """
    found = open_dataset(dataset)
    duckdb = _duckdb()
    connection = duckdb.connect(
        config={
            "allow_persistent_secrets": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
            "temp_directory": "",
        }
    )
    files = {f"/{number}{_place_of(file)}": file.path for number, file in enumerate(found.files())}
    try:
        with _in_one_line(duckdb, files):
            _offer(connection, files)
            connection.register(CAPTURES, _captures(found.entries(), found.failures()))
            connection.execute("SET enable_external_access=false")
            connection.execute("SET lock_configuration=true")
        with closing(Session(connection, duckdb, files)) as session:
            yield session
    finally:
        with suppress(duckdb.Error):  # it still works on what was interrupted twice
            connection.close()


def query(dataset: str, sql: str) -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Returns the answer to a query as a `pyarrow.Table`. Arguments and errors are those of `opened` and `ask`."""
    with opened(dataset) as session:
        import pyarrow as pa

        answer = session.ask(sql)
        return pa.Table.from_batches(answer.batches, schema=answer.columns)


@contextmanager
def writing(form: str) -> Iterator[None]:
    """Turns what Arrow raises at a value that a format cannot hold into a `QueryError`.

    Args:
        form: What is written: "jsonl".
    """
    import pyarrow as pa

    try:
        yield
    except (OverflowError, pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        what = " ".join(str(error).split())[:_LONGEST_HINT]
        raise QueryError(f"a value of the answer cannot be written as {form} ({what}): cast it to varchar") from None


def _offer(connection: Any, files: Mapping[str, str]) -> None:  # noqa: ANN401 -- without types
    """Makes the table of messages, and closes what DuckDB reads other files with."""
    connection.execute("SET TimeZone='UTC'")
    connection.register("_none", dataset_schema().empty_table())
    # Nanoseconds would be of no use: DuckDB cannot tell the time between two of them.
    last = ", ".join(PARTITIONS)
    columns = f"* EXCLUDE ({last}) REPLACE (time::TIMESTAMPTZ AS time), {last}"
    source = "_none"
    connection.execute("SET disabled_filesystems='LocalFileSystem'")
    if files:
        connection.register_filesystem(_read_only(files))
        names = [f"{_OURS}://{name}" for name in files]
        connection.execute("SET allowed_paths=?", [names])
        listed = ", ".join(f"'{name}'" for name in names)  # of our making: digits, and what stands in a folder's name
        source = f"read_parquet([{listed}], hive_partitioning=true, hive_types_autocast=false)"
    connection.execute(f"CREATE VIEW {RECORDS} AS SELECT {columns} FROM {source}")  # noqa: S608 -- of our own texts


def _place_of(file: Any) -> str:  # noqa: ANN401 -- a file of the dataset
    """Returns the path of a file in its dataset, as DuckDB finds the partitions in it."""
    from lmdecode.app.dataset.layout import Partition

    return f"/{Partition(file.generation, file.machine, file.date).folder}/rows.parquet"


def _captures(entries: Sequence[Entry], failures: Sequence[Failure]) -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Returns the table of captures."""
    import pyarrow as pa

    columns = pa.schema(
        {
            "capture": pa.string(),
            "state": pa.string(),
            "rows": pa.int64(),
            "problems": pa.int64(),
            "unread": pa.int64(),
            "size": pa.int64(),
            "tables": pa.int64(),
            "bytes": pa.int64(),
            "added": pa.timestamp("us", "UTC"),
            "complaints": pa.list_(pa.string()),
            "content": pa.string(),
        }
    )
    rows: list[dict[str, object]] = [
        {
            "capture": each.name,
            "state": "added",
            "rows": each.rows,
            "problems": each.problems,
            "unread": each.unread,
            "size": sum(file.size for file in each.files),
            "tables": len(each.tables),
            "bytes": sum(table.bytes for table in each.tables),
            "added": _moment(each.added),
            "complaints": [without_name(each.name, line) for line in each.complaints],
            "content": each.content,
        }
        for each in entries
    ]
    rows += [
        {
            "capture": each.name,
            "state": "failed",
            "size": sum(file.size for file in each.files),
            "added": _moment(each.tried),
            "complaints": [without_name(each.name, each.reason)],
        }
        for each in failures
    ]
    return pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["capture"])), columns)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _refuse_all_but_reading(connection: Any, sql: str) -> None:  # noqa: ANN401 -- without types
    """Checks that the SQL is one statement that reads.

    Raises:
        QueryError: It is not.
    """
    try:
        sql.encode()
    except UnicodeEncodeError:
        raise QueryError("the SQL is not in UTF-8: save it as UTF-8, or type it again") from None
    statements = connection.extract_statements(sql)
    if not statements:
        raise QueryError("the SQL is empty: give a SELECT, such as 'select count(*) from records'")
    if len(statements) > 1:
        raise QueryError(f"the SQL has {len(statements)} statements: give one SELECT")
    kind = str(statements[0].type).rpartition(".")[2]
    if kind not in _READING:
        raise QueryError(f"{kind} is refused: a query reads the dataset and does nothing else; give one SELECT")


@contextmanager
def _in_one_line(duckdb: Any, files: Mapping[str, str]) -> Iterator[None]:  # noqa: ANN401 -- without types
    """Turns DuckDB's errors into one line with its hint.

    Args:
        duckdb: Its module.
        files: Where the dataset's files are, by the names that DuckDB has for them.
    """
    try:
        yield
    except (MemoryError, duckdb.OutOfMemoryException):
        raise QueryError(
            "memory ran out: ask for fewer rows or columns, or add a condition on date or machine"
        ) from None
    except duckdb.PermissionException:
        raise QueryError(
            f"a query reads the tables {RECORDS} and {CAPTURES} of the dataset, and nothing else"
        ) from None
    except duckdb.Error as error:
        raise _told(str(error), files) from None
    except RuntimeError as error:
        if "interrupted" in str(error).lower():
            raise KeyboardInterrupt from None
        raise


def _told(text: str, files: Mapping[str, str] = MappingProxyType({})) -> CommandError:
    r"""Returns an error of DuckDB's in one line.

    >>> str(_told('Catalog Error: Table with name recordz does not exist!\nDid you mean "records"?\n\nLINE 1: …'))
    'SQL: Table with name recordz does not exist! Did you mean "records"?'
    """
    if "Traceback" in text:  # of our file system, whose last line says what happened
        if _READ_ONLY in text:
            return QueryError(f"{_READ_ONLY}; give one SELECT")
        last = text.strip().partition("\n\n")[0].splitlines()[-1]  # behind it may stand where in the SQL it was
        _, is_ours, told = last.partition(f"{DatasetError.__name__}: ")
        why = told if is_ours else last.partition(":")[0]  # what others say may hold a URL with its password
        return DatasetError(
            f"a file of the dataset cannot be read ({why[:_LONGEST_HINT]}): "
            "ask again; if that is of no use, run the export again, which reads anew what is not whole"
        )
    named = _NAMED.search(text)
    if named is not None and named[1] in files:  # DuckDB names a file if something is wrong with that
        return DatasetError(
            f"{shown(files[named[1]])} is damaged or cut off: remove it and run the export again, which reads its "
            "capture anew"
        )
    first = _KIND.sub("", text.strip().splitlines()[0] if text.strip() else "it failed")
    hint = _HINT.search(text)
    return QueryError(f"SQL: {first[: 2 * _LONGEST_HINT]}{f' {hint[0][:_LONGEST_HINT]}' if hint else ''}")


_READ_ONLY: Final = "a query reads the dataset and does nothing else"


class _Handle(io.RawIOBase):
    """A file that several threads of DuckDB read, each at its own place.

    DuckDB seeks, then reads, and another thread may come between. So each thread has a position of its own.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__()
        self._file = file
        self._name = name
        self._lock = threading.Lock()
        self._places: dict[int, int] = {}
        self._size = file.seek(0, io.SEEK_END)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        place = offset + (self.tell() if whence == io.SEEK_CUR else self._size if whence == io.SEEK_END else 0)
        self._places[threading.get_ident()] = place
        return place

    def tell(self) -> int:
        return self._places.get(threading.get_ident(), 0)

    def read(self, size: int | None = -1) -> bytes:
        place = self.tell()
        with self._lock, telling("read", self._name):
            self._file.seek(place)
            data = self._file.read(-1 if size is None else size)
        self._places[threading.get_ident()] = place + len(data)
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _read_only(files: Mapping[str, str]) -> Any:  # noqa: ANN401 -- fsspec has no types
    """Returns a file system that has some files, for reading only.

    Args:
        files: Where each is, by the name that it has here.
    """
    import fsspec

    class ReadOnly(fsspec.AbstractFileSystem):  # type: ignore[misc]  # without types
        protocol = _OURS

        def open(self, path: str, mode: str = "rb", **_: Any) -> Any:  # noqa: ANN401 -- as fsspec has it
            if set(mode) - set("rbt"):
                raise PermissionError(_READ_ONLY)
            place = files[_own(path)]
            with telling("read", shown(place)):
                return _Handle(_opened(place), shown(place))

        def info(self, path: str, **_: Any) -> dict[str, Any]:  # noqa: ANN401 -- as fsspec has it
            if _own(path) not in files:
                raise FileNotFoundError(path)
            with self.open(path) as file:
                return {"name": path, "size": file.seek(0, io.SEEK_END), "type": "file"}

        def exists(self, path: str, **_: Any) -> bool:  # noqa: ANN401 -- as fsspec has it
            return _own(path) in files

        def glob(self, path: str, **_: Any) -> list[str]:  # noqa: ANN401 -- as fsspec has it
            return [path] if _own(path) in files else []

        def modified(self, path: str) -> datetime:  # noqa: ARG002 -- a file of a dataset never changes
            return datetime(2000, 1, 1).astimezone()

    return ReadOnly(skip_instance_cache=True)


def _own(path: str) -> str:
    return f"/{path.removeprefix(f'{_OURS}:').lstrip('/')}"


def _opened(path: str) -> BinaryIO:
    if not is_url(path):
        return open(path, "rb")  # noqa: PTH123 -- closed by whoever reads it
    storage, place = file_system(path)
    return cast("BinaryIO", storage.open(place, "rb"))


def _duckdb() -> Any:  # noqa: ANN401 -- loaded late
    """Returns DuckDB.

    Raises:
        MissingPackageError: It is not installed.
    """
    try:
        import duckdb
        import fsspec
        import pyarrow as pa
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise MissingPackageError(
            f"a query needs {package}, which is not installed: {install_command('dataset')}"
        ) from None
    del fsspec, pa
    return duckdb
