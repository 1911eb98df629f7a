"""Records as tables for analysis: Arrow, and what is made of it. Needs pyarrow, and polars for `to_polars`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from lmdecode.analysis.columns import chosen_fields, field_kinds
from lmdecode.analysis.units import unit_of
from lmdecode.codec.errors import MissingPackageError
from lmdecode.codec.record import Record, Value
from lmdecode.codec.v1.values import is_number
from lmdecode.extras import install_command

if TYPE_CHECKING:
    import polars as pl

Form: TypeAlias = Literal["wide", "long"]
Table: TypeAlias = Any  # pyarrow.Table, which has no types

_GROUP: Final = 8192  # rows
_LONG_COLUMNS: Final = ("time", "stream", "sender", "kind", "role", "address", "machine")


def to_arrow(records: Iterable[Record], *, form: Form = "wide", fields: str | Iterable[str] | None = None) -> Table:
    """Return Records as an Arrow table. Needs pyarrow, of the extra `parquet`.

    Args:
        records: Of a capture, or of a live machine.
        form: "wide": a row for each record, a column for each field, null where a record does not have it. "long": a
            row for each value: its `name`, its `value` if it is a number (true is 1, false 0), otherwise its `text`,
            and its `unit`.
        fields: The fields of the table: names and globs, `["coffee_temp", "steam_*"]`; `"*"` means all fields of the
            memory map, so that tables of several captures have the same columns. None means the fields that occur.

    Returns:
        A `pyarrow.Table`. Times are UTC, in nanoseconds; values are in the units of the memory map. Records without
        any of the fields are in the wide table too, unless fields were chosen.

    Raises:
        MissingPackageError: pyarrow is not installed.
        FieldNameError: A field is not on the memory map.

    >>> import lmdecode
    >>> records = lmdecode.decode("captures/gs3av-settings.pcap", config="captures/config.json")
    >>> lmdecode.to_arrow(records, fields="coffee_temp").column("coffee_temp")[0].as_py()
    93.8
    >>> lmdecode.to_arrow(records, form="long", fields="*_set_temp").select(["name", "value", "unit"]).to_pylist()[0]
    {'name': 'coffee_set_temp', 'value': 96.2, 'unit': '°C'}
    """
    pa = _pyarrow()
    names = None if fields is None else chosen_fields([fields] if isinstance(fields, str) else fields)
    if form == "long":
        return _long(pa, records, names)
    if names is None:
        records = list(records)
        occurring = {name for record in records for name in record.fields}
        names = tuple(name for name in field_kinds() if name in occurring)
    elif fields != "*":
        wanted = frozenset(names)
        records = (record for record in records if not wanted.isdisjoint(record.fields))
    from lmdecode.render.records.parquet import record_batch, schema

    columns = schema(names)
    return pa.Table.from_batches([record_batch(rows, columns) for rows in _groups(records)], schema=columns)


def to_polars(
    records: Iterable[Record], *, form: Form = "wide", fields: str | Iterable[str] | None = None
) -> pl.DataFrame:
    """Return Records as a polars data frame. Needs the extra `polars`.

    Args and errors are those of `to_arrow`.

    >>> import lmdecode
    >>> records = lmdecode.decode("captures/gs3av-settings.pcap", config="captures/config.json")
    >>> frame = lmdecode.to_polars(records, fields=["coffee_temp", "steam_temp"])
    >>> frame["coffee_temp"].max(), frame["steam_temp"].max()
    (97.5, 127.7)
    """
    try:
        import polars as pl
    except ModuleNotFoundError:
        raise MissingPackageError(f"polars is not installed: {install_command('polars')}") from None
    frame = pl.from_arrow(to_arrow(records, form=form, fields=fields))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 -- of a table it makes nothing else
    return frame


def _pyarrow() -> Any:  # noqa: ANN401 -- it has no types
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise MissingPackageError(f"pyarrow is not installed: {install_command('parquet')}") from None
    return pa


def _long(pa: Any, records: Iterable[Record], names: tuple[str, ...] | None) -> Table:  # noqa: ANN401 -- it has no types
    from lmdecode.render.records.parquet import schema

    own = schema(())
    words = pa.dictionary(pa.int32(), pa.string())
    columns = pa.schema(
        [
            *(own.field(name) for name in _LONG_COLUMNS),
            *(("name", words), ("value", pa.float64()), ("text", pa.string()), ("unit", words)),
        ]
    )
    batches = []
    for rows in _groups(_values(records, names)):
        table = zip(*rows, strict=True)
        arrays = [pa.array(values, type=field.type) for values, field in zip(table, columns, strict=True)]
        batches.append(pa.record_batch(arrays, schema=columns))
    return pa.Table.from_batches(batches, schema=columns)


def _values(records: Iterable[Record], names: tuple[str, ...] | None) -> Iterator[tuple[object, ...]]:
    """A row for each value."""
    from lmdecode.render.records.parquet import timestamp

    for record in records:
        kind = None if record.kind is None else str(record.kind)
        head = (timestamp(record), record.stream, record.sender, kind, record.role, record.address, record.machine)
        for name, value in record.fields.items():
            if names is None or name in names:
                yield (*head, name, *_number_or_text(value), unit_of(name))


def _number_or_text(value: Value) -> tuple[float | None, str | None]:
    if isinstance(value, bool) or is_number(value):
        return float(value), None
    return None, ", ".join(value) if isinstance(value, list) else str(value)


def _groups(things: Iterable[Any]) -> Iterator[list[Any]]:
    group = []
    for thing in things:
        group.append(thing)
        if len(group) >= _GROUP:
            yield group
            group = []
    if group:
        yield group
