"""What came of the signatures of requests: as lines for people, and as JSON Lines for programs."""

from __future__ import annotations

from typing import Final

import orjson

from lmdecode.analysis.signatures import Signatures
from lmdecode.analysis.times import time_text
from lmdecode.codec.lion.installations import SIGNATURE
from lmdecode.codec.printable import encodable, printable
from lmdecode.codec.record import iso_time
from lmdecode.render.counts import count_text
from lmdecode.render.sentence import short_subject

_WIDTH: Final = 44  # characters of a request


def as_lines(found: Signatures) -> str:
    """Returns how many signatures fit, and each request whose signature does not; "" if none was checked."""
    if not found.checked:
        return ""
    lines = [f"{found.fitting} of {count_text(len(found.checked), 'signature')} fit the installation's key"]
    for record in found.wrong:
        what = printable(short_subject(record.subject or "", _WIDTH))
        lines.append(f"does not fit: {time_text(record.time_ns)}  {what}")
    if found.missing:
        lines.append(f"{count_text(found.missing, 'request')} without a signature")
    if found.others:
        lines.append(f"{count_text(found.others, 'request')} not checked: no key comes before them in the recording")
    return "".join(f"{line}\n" for line in lines)


def as_jsonl(found: Signatures) -> str:
    """Returns a line of JSON for each request that was checked."""
    lines = (
        {
            "time": iso_time(record.time_ns),
            "subject": encodable(record.subject or ""),
            "signature": record.extra[SIGNATURE],
            "problems": [encodable(each) for each in record.problems],
        }
        for record in found.checked
    )
    return "".join(f"{orjson.dumps(line).decode()}\n" for line in lines)


def why_nothing(found: Signatures) -> str:
    """Returns why no signature could be checked, and what to do, as one line."""
    if not found.others and not found.missing:
        return (
            "no request to the cloud lion.lamarzocco.io is recorded; a flow file or a HAR of a client has them "
            "(`lmdecode keys check` is about the key of a machine)"
        )
    requests = count_text(found.others + found.missing, "request")
    return (
        f"none of {requests} can be checked: no request to /auth/init is recorded before them, which tells the key; "
        "record the client's first start, or sign it in anew"
    )
