"""Run in an interpreter with mitmproxy 12: views and edits messages through its own contentview API.

Reads cases from stdin, and writes what came of them to stdout, as JSON:

    {"messages": [["app", HEX], …], "index": 0, "edit": [[OLD, NEW], …]}
    {"text": "…", "view": "lamarzocco", "bytes": HEX} or {"text": …, "error": "…", "kinds": [the error's classes]}
"""

from __future__ import annotations

import json
import sys
from typing import Any

from mitmproxy import contentviews, tcp
from mitmproxy.test import taddons, tflow

from lmdecode.mitm.traffic import TrafficAddon


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    flow = tflow.ttcpflow()
    flow.server_conn.address = ("machine", 1774)
    flow.messages = [tcp.TCPMessage(who == "app", bytes.fromhex(data)) for who, data in case["messages"]]
    message = flow.messages[case["index"]]
    before = message.content
    shown = contentviews.prettify_message(message, flow)
    text = shown.text
    for old, new in case["edit"]:
        assert old in text, (old, text)
        text = text.replace(old, new)
    result = {"text": shown.text, "view": shown.view_name}
    try:
        message.content = contentviews.reencode_message(text, message, flow, "lamarzocco")
    except Exception as error:  # noqa: BLE001 -- the test judges it
        kinds = [kind.__name__ for kind in type(error).__mro__]
        return result | {"error": str(error), "kinds": kinds, "unchanged": message.content == before}
    again = contentviews.prettify_message(message, flow).text
    return result | {"bytes": message.content.hex(), "again": again}


def main() -> None:
    cases = json.load(sys.stdin)
    addon = TrafficAddon()
    with taddons.context(addon) as context:
        addon.configure(set(context.options.keys()))
        json.dump([outcome(case) for case in cases], sys.stdout)


main()
