from __future__ import annotations

import json

from lmdecode.codec.record import Record
from lmdecode.output.jsonl import json_line


def test_a_record_is_one_line_of_json_that_people_can_read():
    record = Record(0, 0, "machine", "a:1774", "b:2", fields={"front_panel_display": "202.9°F □\n"}, problems=("x",))
    line = json_line(record)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert "°F □" in line
    assert json.loads(line) == json.loads(json.dumps(record.as_dict()))
