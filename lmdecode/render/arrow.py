"""Records as tables for analysis: Arrow, and what is made of it. Needs pyarrow, and polars for `to_polars`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

from lmdecode._collecting import seldom_collected
from lmdecode.analysis.columns import chosen_fields, in_order, record_columns
from lmdecode.codec.dialect import Sink
from lmdecode.codec.errors import MissingPackageError
from lmdecode.codec.record import Record
from lmdecode.extras import install_command

if TYPE_CHECKING:
    import polars as pl

    from lmdecode.render.columnar import Group

_GROUP: Final = 32_768
"""Rows that are put into columns at once: a table is whole in memory anyway, and with a quarter of them it takes a
tenth longer."""

Form: TypeAlias = Literal["wide", "long"]
Table: TypeAlias = Any  # pyarrow.Table, which has no types


@runtime_checkable
class Decodable(Protocol):
    """What has Records, and can hand what they are made of to a sink without making them."""

    def decode_into(self, sink: Sink[Any]) -> Iterator[Any]:
        """Returns what a sink makes of the messages."""


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
    with seldom_collected():  # from here on, since pyarrow makes more objects that stay than any table
        _pyarrow()
        names = None if fields is None else chosen_fields([fields] if isinstance(fields, str) else fields)
        from lmdecode.render.columnar import ColumnSink
        from lmdecode.render.table_schema import schema

        columns = ColumnSink(None if names is None else schema(names))
        made = (
            records.decode_into(columns.sink) if isinstance(records, Decodable) else map(columns.sink.record, records)
        )
        return _table_of(columns.groups(made, _GROUP), form, names, everything=fields == "*")


def _table_of(groups: Iterator[Group], form: Form, names: tuple[str, ...] | None, *, everything: bool) -> Table:
    """Returns the table of some groups; `names` are the fields that were chosen, if any were."""
    pa = _pyarrow()
    from lmdecode.render.columnar import whole_batch
    from lmdecode.render.table_schema import schema

    if form == "long":
        from lmdecode.render.long_table import long_batch, long_schema

        return pa.Table.from_batches([long_batch(group, names) for group in groups], schema=long_schema())
    if names is None:  # which columns there are is known at the end
        made_of = [(group.arrays(), group.size) for group in groups]
        occurring = {name for arrays, _ in made_of for name in arrays}
        final = schema(in_order(occurring.difference(record_columns())))
        return pa.Table.from_batches([whole_batch(final, *each) for each in made_of], schema=final)
    final = schema(names)
    batches = [_having(() if everything else names, group, final) for group in groups]
    return pa.Table.from_batches([batch for batch in batches if batch.num_rows], schema=final)


def _having(names: tuple[str, ...], group: Group, columns: Any) -> Any:  # noqa: ANN401 -- pyarrow has no types
    """The rows of a group that have any of some fields; all of them if there are no such fields."""
    from lmdecode.render.columnar import whole_batch

    arrays = group.arrays()
    batch = whole_batch(columns, arrays, group.size)
    if not names:
        return batch
    import pyarrow.compute as pc

    found = [arrays[name].is_valid() for name in names if name in arrays]
    return batch.filter(reduce(pc.or_, found)) if found else batch.slice(0, 0)


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
