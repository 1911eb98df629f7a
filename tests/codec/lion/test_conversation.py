"""The cloud's requests, answers and pushes as Records."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.dialect import OwnerAccess, Place, Tallies
from lmdecode.codec.record import Kind
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.web import HttpRequest, HttpResponse

HOST, PREFIX = "lion.lamarzocco.io", "/api/customer-app"
JSON = [("Content-Type", "application/json")]
SECOND = 1_000_000_000
SERIAL = "MR012345"
COMMAND = "16c2df41-ca86-4995-98e6-9b892e9aaafd"


class Recording:
    """The connections of a recording."""

    def __init__(self, *, show_secrets=False):
        self.tallies = Tallies()
        self._speakers = Speakers.open(OwnerAccess(show_secrets=show_secrets), None, ())

    def connection(self):
        return self._speakers.web(HOST, 443, "/", Place(), self.tallies)


def exchange(web, method, path, body, *, seconds=1, asked=b"", status=200, headers=JSON, number=1):
    (request,) = web.request(seconds * SECOND, HttpRequest(method, HOST, path, JSON, asked), number)
    body = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    return request, web.response(seconds * SECOND + SECOND // 4, HttpResponse(status, headers, body), number)


def frame(command, body=b"", **headers):
    lines = [command, *(f"{name.replace('_', '-')}:{value}" for name, value in headers.items())]
    return "\n".join(lines).encode() + b"\n\n" + body + b"\0"


def push(web, body, *, seconds=10, serial=SERIAL, what="dashboard"):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    destination = f"/ws/sn/{serial}/{what}"
    sent = frame("MESSAGE", text, destination=destination, subscription="1", content_length=len(text))
    (record,) = web.message(seconds * SECOND, "machine", sent)
    return record


def widget(code, index=1, **output):
    return {"code": code, "index": index, "output": output, "tutorialUrl": None}


def test_a_dashboard_is_read_and_what_nobody_knows_is_kept_whole():
    web = Recording().connection()
    shown = [widget("XNew", shape=[1, {"a": None}]), widget("XNew", 2, shape=2), {"odd": 1}, 7]
    body = {"serialNumber": SERIAL, "widgets": shown, "xHead": {"b": 1}}
    request, (answer,) = exchange(web, "GET", f"{PREFIX}/things/{SERIAL}/dashboard", body)
    assert (request.kind, request.role, request.machine) == (Kind.READ, "request", SERIAL)
    assert (answer.subject, answer.machine) == (f"200 GET {PREFIX}/things/{SERIAL}/dashboard", SERIAL)
    assert (answer.request, answer.elapsed, answer.problems) == (request, 0.25, ())
    assert answer.extra["XNew"] == {"shape": [1, {"a": None}]}
    assert answer.extra["XNew#2"] == {"shape": 2}
    assert (answer.extra["widgets[2]"], answer.extra["widgets[3]"]) == ({"odd": 1}, 7)
    assert answer.extra["xHead"] == {"b": 1}
    assert json.loads(answer.plaintext) == body


def test_each_thing_of_a_list_has_a_record_of_its_own():
    things = [{"serialNumber": "MR012345", "xNew": 1}, {"serialNumber": "GS001234", "xNew": 2, "bleAuthToken": "01ab"}]
    _, found = exchange(Recording().connection(), "GET", f"{PREFIX}/things", things)
    assert [(each.machine, each.extra["xNew"]) for each in found] == [("MR012345", 1), ("GS001234", 2)]
    assert "01ab" not in str([each.as_dict() for each in found])
    _, (none,) = exchange(Recording().connection(), "GET", f"{PREFIX}/things", [])
    assert (none.plaintext, none.machine) == ("[]", None)


@pytest.mark.parametrize(
    "more", [{}, {"imageUrl": "https://lion.lamarzocco.io/x.png"}, {"connected": False, "xNew": 1}]
)
def test_the_machine_in_a_station_is_kept_as_far_as_it_says_something_else(more):
    own = {"serialNumber": SERIAL, "type": "CoffeeMachine", "bleAuthToken": "01ab", "connected": True}
    station = {"name": "Kitchen", "accessories": [], "coffeeMachine": {**own, **more}}
    _, (found,) = exchange(Recording().connection(), "GET", f"{PREFIX}/things", [{**own, "coffeeStation": station}])
    rest = {"name": "Kitchen", "accessories": []}
    assert found.extra["coffeeStation"] == ({**rest, "coffeeMachine": more} if "xNew" in more else rest)
    assert found.fields["gateway_connected"] is True
    assert json.loads(found.plaintext)[0]["coffeeStation"]["coffeeMachine"].keys() == station["coffeeMachine"].keys()


def test_an_answer_is_of_the_machine_that_was_asked_of():
    web = Recording().connection()
    for number, serial in enumerate(("MR012345", "GS001234")):
        web.request(0, HttpRequest("GET", HOST, f"{PREFIX}/things/{serial}/settings"), number)
    found = [web.response(1, HttpResponse(200, JSON, b"{}"), number)[0].machine for number in (1, 0)]
    assert found == ["GS001234", "MR012345"]


def ask(web, *, seconds=1, name="XCommand", status="Pending"):
    path = f"{PREFIX}/things/{SERIAL}/command/{name}"
    answer = [{"id": COMMAND, "status": status, "errorCode": None}]
    request, (answer,) = exchange(web, "POST", path, answer, seconds=seconds, asked=b'{"xMode":"On"}')
    return request, answer


@pytest.mark.parametrize(("word", "ok"), [("Success", True), ("Error", False), ("Timeout", False)])
def test_a_push_says_how_a_command_ended(word, ok):
    recording = Recording()
    request, answer = ask(recording.connection())
    assert (request.kind, request.extra) == (Kind.WRITE, {"xMode": "On"})
    assert answer.ok is None  # it only waits
    web = recording.connection()
    waiting = push(web, {"commands": [{"id": COMMAND, "status": "InProgress", "errorCode": None}]}, seconds=3)
    assert (waiting.ok, waiting.request) == (None, None)
    ended = push(web, {"commands": [{"id": COMMAND, "status": word, "errorCode": None}]}, seconds=6)
    assert (ended.ok, ended.request, ended.elapsed) == (ok, request, 5)
    assert push(web, {"commands": [{"id": COMMAND, "status": word, "errorCode": None}]}, seconds=7).ok is None


def test_each_command_that_ends_in_one_push_has_its_own_end():
    recording = Recording()
    web = recording.connection()
    asked = {}
    for seconds, number in ((1, "a"), (2, "b")):
        answer = [{"id": number, "status": "Pending", "errorCode": None}]
        path = f"{PREFIX}/things/{SERIAL}/command/X{number}"
        asked[number], _ = exchange(web, "POST", path, answer, seconds=seconds, asked=b"{}")
    ends = [("other", "Success"), ("a", "Success"), ("b", "Error")]
    said = {"commands": [{"id": number, "status": word, "errorCode": None} for number, word in ends]}
    body = json.dumps(said)
    frame = f"MESSAGE\ndestination:/ws/sn/{SERIAL}/dashboard\n\n{body}\0".encode()
    first, *further = recording.connection().message(6_000_000_000, "machine", frame)
    assert (first.ok, first.request, first.plaintext) == (True, None, body)
    assert [(each.ok, each.request, each.elapsed) for each in further] == [
        (True, asked["a"], 5),
        (False, asked["b"], 4),
    ]
    assert [each.fields for each in further] == [{"command_status": "Success"}, {"command_status": "Error"}]


def test_an_end_that_comes_before_its_command_is_told_with_the_answer():
    recording = Recording()  # as in a file that has the pushes first
    push(recording.connection(), {"commands": [{"id": COMMAND, "status": "Success"}]})
    assert ask(recording.connection())[1].ok is True


def test_an_empty_tank_is_a_widget_that_is_there():
    web = Recording().connection()
    assert push(web, {"widgets": [], "removedWidgets": [{"code": "CMNoWater", "index": 1}]}).fields == {
        "water_reservoir_contact": True
    }
    later = push(web, {"widgets": [widget("XNew", a=1)], "removedWidgets": [{"code": "CMNoWater", "index": 1}]})
    assert "water_reservoir_contact" not in later.fields  # as before
    gone = push(web, {"widgets": [], "removedWidgets": [{"code": "XNew", "index": 1}]})
    assert gone.extra["goneWidgets"] == ["XNew"]


def test_pushes_are_changes_for_each_destination():
    web = Recording().connection()
    both = [widget("XOne", a=1), widget("XTwo", b={"time": 1_762_927_176_702})]
    assert {"XOne", "XTwo"} <= push(web, {"widgets": both}).extra.keys()
    same = push(web, {"widgets": [both[0], widget("XTwo", b={"time": 1_762_927_176_703})]})
    assert not {"XOne", "XTwo"} & same.extra.keys()
    assert "XTwo" in json.dumps(same.plaintext)  # the whole push
    assert {"XOne", "XTwo"} <= push(web, {"widgets": both}, serial="GS001234").extra.keys()
    assert push(web, {"widgets": [widget("XOne", a=2), both[1]]}).extra["XOne"] == {"a": 2}


def test_a_connection_of_stomp_is_told_frame_by_frame():
    web = Recording().connection()
    (upgrade,) = web.request(0, HttpRequest("GET", HOST, "/ws/connect", [("Authorization", "Bearer s3cret")]))
    (switched,) = web.response(1, HttpResponse(101))
    assert (upgrade.kind, switched.subject, switched.problems) == (Kind.STREAM, "101 GET /ws/connect", ())
    sent = frame("CONNECT", host=HOST, heart_beat="0,0", Authorization="Bearer s3cret")
    (connect,) = web.message(2, "app", sent)
    assert (connect.subject, connect.role, connect.kind) == ("CONNECT", "request", Kind.STREAM)
    assert connect.extra == {"host": HOST, "heart-beat": "0,0", "Authorization": "**"}
    (connected,) = web.message(3, "machine", frame("CONNECTED", version="1.2"))
    assert (connected.role, connected.extra) == ("response", {"version": "1.2"})
    subscribed = frame("SUBSCRIBE", destination=f"/ws/sn/{SERIAL}/dashboard", id="7", ack="auto", content_length=0)
    (subscribe,) = web.message(4, "app", subscribed)
    assert (subscribe.subject, subscribe.machine) == (f"SUBSCRIBE /ws/sn/{SERIAL}/dashboard", SERIAL)
    assert web.message(5, "app", b"\n") == []
    (named,) = web.message(6, "machine", frame("MESSAGE", b"{}", subscription="7"))  # without a destination
    assert (named.subject, named.machine) == (f"MESSAGE /ws/sn/{SERIAL}/dashboard", SERIAL)
    (left,) = web.message(7, "app", frame("UNSUBSCRIBE", id="7"))
    assert left.subject == f"UNSUBSCRIBE /ws/sn/{SERIAL}/dashboard"
    (error,) = web.message(8, "machine", frame("ERROR", b"no token", message="refused"))
    assert error.problems == ("the cloud reports an error and ends the connection",)
    assert (error.extra["message"], error.plaintext) == ("refused", "no token")


def test_a_push_may_be_cut_anywhere_and_two_may_be_in_one_message():
    web = Recording().connection()
    sent = frame("MESSAGE", b'{"xNew":1}', destination="/ws/sn/MR012345/dashboard", content_length=10)
    assert [web.message(1, "machine", piece) for piece in (sent[:9], sent[9:30], sent[30:-4])] == [[], [], []]
    (record,) = web.message(2, "machine", sent[-4:])
    assert (record.time_ns, record.extra, record.problems) == (2, {"xNew": 1}, ())
    assert len(web.message(3, "machine", sent + b"\n" + sent)) == 2
    web.message(4, "machine", sent[:-4])
    (cut,) = web.close(5)
    assert "the frame is cut off" in cut.problems
    assert '"xNew"' in cut.plaintext


@pytest.mark.parametrize(
    ("status", "headers", "body", "why"),
    [
        (403, [("Content-Type", "text/html")], b"<HTML><H1>403 ERROR</H1>", "by the firewall before the cloud"),
        (403, JSON, b'{"message":"Forbidden"}', "refused with status 403"),
        (401, JSON, b"{}", "log in again"),
        (412, JSON, b"{}", "not signed as the cloud wants it, or the state of the machine"),
        (500, [], b"", "refused with status 500"),
    ],
)
def test_a_refusal_is_explained_in_one_line(status, headers, body, why):
    _, (answer,) = exchange(Recording().connection(), "GET", f"{PREFIX}/things", body, status=status, headers=headers)
    (problem,) = answer.problems
    assert why in problem
    assert "\n" not in problem
    assert answer.plaintext == (body.decode() or None)


def test_a_refused_command_was_not_done():
    path = f"{PREFIX}/things/{SERIAL}/command/XCommand"
    _, (answer,) = exchange(Recording().connection(), "POST", path, b"", asked=b"{}", status=412)
    assert answer.ok is False


def test_a_body_that_was_not_recorded_is_said():
    _, (answer,) = exchange(Recording().connection(), "GET", f"{PREFIX}/things", None)
    assert answer.problems == ("the body of the answer was not recorded",)


def test_memory_that_runs_short_is_let_go_with_a_word():
    web = Recording().connection()
    body = {"widgets": [widget("XOne", a=1)]}
    push(web, body)
    web.message(11, "machine", b"MESSAGE\ndestination:/a")
    assert web.held > 0
    (given_up,) = web.let_go(12)
    assert given_up.problems == ("the frame is given up, since memory has run short",)
    assert web.held == 0
    assert "XOne" in push(web, body).extra


def test_a_message_without_its_beginning_shows_no_end_of_a_secret():
    web = Recording().connection()
    (record,) = web.message(1, "machine", b'c0ffee01","name":"MR012345"}\0')
    assert record.plaintext == '**","name":"MR012345"}'
    assert "it begins with no command of STOMP" in str(record.problems)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSONS = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner))
NAMES = ("widgets", "removedWidgets", "commands", "code", "index", "output", "id", "status", "selectedWidgets")
SHAPES = st.recursive(JSONS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner))


@given(st.lists(SHAPES, max_size=3), st.sampled_from(["dashboard", "settings", "scheduling", "stats", "stats/X/1", ""]))
def test_no_shape_of_a_document_is_too_odd(bodies, what):
    recording = Recording()
    web, pushed = recording.connection(), recording.connection()
    for body in bodies:
        exchange(web, "GET", f"{PREFIX}/things/{SERIAL}/{what}", body)
        exchange(web, "GET", f"{PREFIX}/things", body)
        exchange(web, "POST", f"{PREFIX}/things/{SERIAL}/command/X", body, asked=json.dumps(body).encode())
        assert json.dumps(push(pushed, body).as_dict())


def test_a_list_of_more_things_than_anybody_has_stays_in_one_record():
    things = [{"serialNumber": f"MR{number:06}"} for number in range(1001)]
    _, found = exchange(Recording().connection(), "GET", f"{PREFIX}/things", things)
    (answer,) = found
    assert answer.plaintext is not None
    assert "MR001000" in answer.plaintext
