"""What tables are filled with loads little, and says what pyarrow's own functions do."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pyarrow.compute as pc

from lmdecode.render import kernels

LOADED = """
import sys
import lmdecode
records = lmdecode.decode("captures/gs3av-settings.pcap", config="captures/config.json")
assert lmdecode.to_arrow(records).num_rows > 50
print(*sorted({"pandas", "pyarrow.compute", "pyarrow.parquet"} & {*sys.modules}))
"""


def test_a_table_loads_none_of_what_takes_long():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout == "\n", "else a table takes a third longer: see the head of render/kernels.py"


def test_they_say_what_the_functions_of_pyarrow_do():
    numbers, places = pa.array([5, None, 7], pa.uint8()), pa.array([2, None, 0, 1], pa.int32())
    assert kernels.taken(numbers, places).equals(pc.take(numbers, places))
    assert kernels.cast(numbers, pa.int64()).equals(pc.cast(numbers, pa.int64()))
    assert kernels.divided(numbers, pa.scalar(10.0)).equals(pc.divide(pc.cast(numbers, pa.float64()), 10.0))
    assert kernels.added(places, places).equals(pc.add(places, places))
    words = pa.array(["b", "a", None, "b"])
    assert kernels.encoded(words).equals(words.dictionary_encode())
