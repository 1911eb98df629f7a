"""The requests of a recording, by what came of their signatures."""

from __future__ import annotations

from lmdecode.analysis.signatures import signatures_of
from lmdecode.codec.record import Kind, Record


def asked(result=None, subject="GET /api/customer-app/things", **changes):
    extra = {} if result is None else {"signature": result}
    record = Record(0, 0, "app", "a", "b", Kind.READ, "request", generation="lion", subject=subject, extra=extra)
    return record._replace(**changes)


def test_requests_are_counted_by_what_came_of_them():
    records = [asked("fits"), asked("does not fit"), asked("missing"), asked(), asked("fits")]
    found = signatures_of(records)
    assert (len(found.checked), found.fitting, found.missing, found.others) == (3, 2, 1, 1)
    assert found.wrong == [records[1]]


def test_what_is_no_request_to_the_cloud_does_not_count():
    others = [
        asked(subject="CONNECT"),
        asked(subject="SUBSCRIBE /ws/sn/MR012345/dashboard"),
        asked(role="response"),
        asked(generation="v3", subject="GET /api/v1/config"),
        asked(generation="v1", subject=None),
    ]
    found = signatures_of(others)
    assert (found.checked, found.missing, found.others) == ([], 0, 0)
