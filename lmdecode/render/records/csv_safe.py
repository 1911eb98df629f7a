"""CSV for spreadsheets: as `csv`, but no cell is a formula, and none has a control character."""

from __future__ import annotations

from functools import partial
from typing import Final

from lmdecode.render.records import OutputFormat
from lmdecode.render.records.csv import CsvWriter

FORMAT: Final = OutputFormat(open=partial(CsvWriter, safe=True), joinable=True)
