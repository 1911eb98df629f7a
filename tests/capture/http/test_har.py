"""HTTP archives, in every way that programs write them, and in every way that they can be damaged."""

from __future__ import annotations

import base64
import codecs
import gzip
import io
import json
import time
import zlib
from datetime import UTC, datetime
from urllib.parse import quote_plus, urlencode

import brotli
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmdecode.capture.http.har import HarError, encoding_of, moment, read_har
from lmdecode.cloud.collection import Collection
from lmdecode.cloud.findings import Problem, Trouble
from tests.cloud.archives import ALL, FORM, JSON, LOGIN, TOKENS, customer, entry, fleet, found_in, har, login

CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": lambda body: zstandard.ZstdCompressor().compress(body),
}


def search(content: bytes, tell=lambda _: None):
    """What is found, what is complained of, and why the reading ended."""
    collection, problems = Collection(), []
    try:
        for exchange in read_har(io.BytesIO(content), tell):
            problems += [each for each in collection.add(exchange) if isinstance(each, Problem)]
    except HarError as error:
        return collection, problems, str(error)
    return collection, problems, ""


def all_found(*entries):
    collection, problems, end = search(json.dumps(har(*entries)).encode())
    assert (found_in(collection), problems, end) == (ALL, [], "")
    return collection


def wrapped(text: str, width: int, line_end: str) -> str:
    return line_end.join(text[i : i + width] for i in range(0, len(text), width))


BASE64 = st.builds(
    lambda urlsafe, padded, width, end: (
        lambda body: wrapped(
            (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(body).decode().rstrip("" if padded else "="),
            width,
            end,
        )
    ),
    st.booleans(),
    st.booleans(),
    st.sampled_from([64, 76, 10_000]),
    st.sampled_from(["\r\n", "\n", " "]),
)
BEFORE_JSON = st.sampled_from([b"", b"\xef\xbb\xbf", b")]}'\n", b")]}',\n", b"for(;;);", b"while(1);", b" \r\n"])


@given(BASE64, st.sampled_from(["", "base64", "Base64"]), st.sampled_from(["", *CODINGS]), BEFORE_JSON, st.booleans())
def test_an_answer_in_base64_said_or_not(encode, said, coding, before, keep_header):
    body = before + json.dumps(fleet(), ensure_ascii=False).encode()
    headers = [{"name": "content-encoding", "value": coding}] if keep_header and coding else []
    content = {"text": encode(CODINGS[coding](body) if coding else body), "encoding": said}
    all_found(login(), customer(response_content=content, response_headers=headers))


@pytest.mark.parametrize("coding", CODINGS)
def test_an_answer_that_was_decompressed_beside_a_header_that_says_otherwise(coding):
    headers = [{"name": "Content-Encoding", "value": coding}]
    all_found(login(response_headers=headers), customer(response_headers=headers))


@given(BEFORE_JSON.filter(lambda before: b"\xef" not in before))
def test_what_precedes_json(before):
    all_found(login(), customer(response_content={"text": before.decode() + json.dumps(fleet())}))


@pytest.mark.parametrize(
    "content",
    [
        {"text": json.dumps(fleet()), "encoding": "base64"},  # which it is not
        {"text": fleet()},
        {"text": json.dumps(json.dumps(fleet()))},
        {"text": "\ufeff" + json.dumps(fleet())},
        {"text": "data:application/json;base64," + base64.b64encode(json.dumps(fleet()).encode()).decode()},
        {"text": base64.b64encode(base64.b64encode(json.dumps(fleet()).encode())).decode(), "encoding": "base64"},
        {"text": base64.b64encode(json.dumps(fleet()).encode("utf-16")).decode(), "encoding": "base64"},
        {"text": gzip.compress(json.dumps(fleet()).encode(), mtime=0).decode("latin-1")},
        json.dumps(fleet()),
    ],
)
def test_answers_that_are_not_by_the_book(content):
    all_found(login(), customer(response_content=content))


SENT = urlencode(LOGIN)
TOLD = json.dumps(LOGIN)
BOUNDARY = "".join(
    f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in LOGIN.items()
)


@pytest.mark.parametrize(
    "post",
    [
        SENT,
        {"text": SENT},
        {"mimeType": FORM, "text": base64.b64encode(SENT.encode()).decode()},
        {"mimeType": FORM, "text": base64.urlsafe_b64encode(SENT.encode()).decode().rstrip("="), "encoding": "base64"},
        {"mimeType": FORM, "text": SENT, "encoding": "base64"},
        {"mimeType": JSON, "text": TOLD},
        {"mimeType": JSON, "text": LOGIN},
        {"mimeType": JSON, "text": base64.b64encode(TOLD.encode()).decode()},
        {"mimeType": "multipart/form-data; boundary=b", "text": f"{BOUNDARY}--b--\r\n"},
        {"mimeType": FORM, "params": [{"name": name, "value": value} for name, value in LOGIN.items()]},
        {"mimeType": FORM, "text": "", "params": [{"name": name, "value": value} for name, value in LOGIN.items()]},
        {"mimeType": FORM, "params": [{"name": each, "value": quote_plus(LOGIN[each])} for each in LOGIN]},
        {"mimeType": FORM, "params": LOGIN},
    ],
)
def test_ways_to_write_a_request_down(post):
    all_found(login(post=post), customer())


@given(
    st.sampled_from(["https://cms.lamarzocco.io", "https://CMS.LaMarzocco.io:443", "HTTPS://me:pw@cms.lamarzocco.io."]),
    st.sampled_from(["", "#top", "?x=1#top"]),
)
def test_addresses_with_a_host(host, rest):
    all_found(login(request_url=f"{host}/oauth/v2/token{rest}"), customer(request_url=f"{host}/api/customer{rest}"))


@given(
    st.sampled_from(["", "/", "//cms.lamarzocco.io/", "cms.lamarzocco.io/", "https://203.0.113.7/", "https:///"]),
    st.sampled_from(["Host", "host", ":authority"]),
    st.sampled_from(["cms.lamarzocco.io", "CMS.lamarzocco.io:443"]),
)
def test_addresses_without_a_host_have_it_in_a_header(start, name, host):
    headers = [{"name": name, "value": host}]
    entries = []
    for made, path in ((login, "oauth/v2/token"), (customer, "api/customer")):
        url, more = (f"{start}{path}", []) if start else ("", [{"name": ":path", "value": f"/{path}"}])
        entries.append(made(request_url=url, request_headers=headers + more))
    all_found(*entries)


def test_headers_of_http2_say_method_and_status():
    headers = [{"name": ":authority", "value": "cms.lamarzocco.io"}, {"name": ":status", "value": "200"}]
    changes = {"request_headers": headers, "response_headers": headers, "response_status": None}
    post = [*headers, {"name": ":method", "value": "POST"}]
    get = [*headers, {"name": ":method", "value": "GET"}]
    all_found(
        login(**changes | {"request_headers": post, "request_method": None}),
        customer(**changes | {"request_headers": get, "request_method": None}),
    )


@pytest.mark.parametrize("host", ["cms.lamarzocco.io.example.com", "example.com", "xcms.lamarzocco.io"])
def test_a_header_does_not_make_another_host_the_makers(host):
    collection, _, _ = search(json.dumps(har(login(request_url=f"https://{host}/oauth/v2/token"))).encode())
    assert not collection.anything


@pytest.mark.parametrize(
    ("written", "microseconds"),
    [
        ("2026-11-21T02:55:55.174Z", 174000),
        ("2026-11-21T03:55:55.1741234+01:00", 174123),
        ("2026-11-21T03:55:55+0100", 0),
        ("2026-11-21 02:55:55", 0),
        (1795229755174, 174000),
        (1795229755.174, 174000),
        ("1795229755174", 174000),
        ("Sat, 21 Nov 2026 02:55:55 GMT", 0),
    ],
)
def test_times_in_any_form(written, microseconds):
    assert moment(written) == datetime(2026, 11, 21, 2, 55, 55, microseconds, tzinfo=UTC)


@given(st.text(max_size=70) | st.floats() | st.integers() | st.none() | st.lists(st.integers(), max_size=2))
@example(float("inf"))
@example(10**400)
def test_no_time_is_none(value):
    assert moment(value) is None or isinstance(moment(value), datetime)


def test_the_answers_own_header_has_the_time_if_nothing_else_does():
    made = login(response_headers=[{"name": "Date", "value": "Sat, 21 Nov 2026 02:55:55 GMT"}])
    del made["startedDateTime"]
    collection, _, _ = search(json.dumps(har(made)).encode())
    assert str(collection.tokens.expires_at) == "2026-11-21 03:55:55+00:00"


WHOLE = [login(), customer()]
FORMS = {
    "as it should be": har(*WHOLE),
    "without log": har(*WHOLE)["log"],
    "log of another": {"har": har(*WHOLE)},
    "a list of archives": [har(WHOLE[0]), har(WHOLE[1])],
    "entries alone": WHOLE,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_encodings(form, encoding):
    collection, problems, end = search(json.dumps(FORMS[form], ensure_ascii=False).encode(encoding))
    assert (found_in(collection), problems, end) == (ALL, [], "")


def test_archives_one_after_the_other():
    several = "\n".join(json.dumps(har(each), indent=1) for each in WHOLE)
    assert found_in(search(several.encode())[0]) == ALL


def test_what_precedes_an_archive():
    assert found_in(search(b"$ cat login.har\n)]}'\n" + json.dumps(har(*WHOLE)).encode())[0]) == ALL


def test_latin_1_is_read_and_told():
    told = []
    content = json.dumps(har(login(), customer(response_content={"text": json.dumps(fleet(), ensure_ascii=False)})))
    content = content.replace("\\u00e4", "ä").replace("\\u00ff", "ÿ").replace("\\u00b7", "·").encode("latin-1")
    assert found_in(search(content, told.append)[0]) == ALL
    assert told == ["1 request is not in UTF-8: what is not UTF-8 was read as latin-1"]


@given(st.text(min_size=1).filter(str.strip))
@settings(max_examples=60)
def test_names_keep_every_character(name):
    assert all_found(login(), customer(name)).machines[0].name == name


@pytest.mark.parametrize(
    "name",
    ["☕ Küche 👩\u200d🍳", "\u0645\u06cc\u200c\u062e\u200f", "e\u0301\u200e", "a\x1b[2J\nb", "\ud83d", " a \xa0"],
)
def test_names_that_no_terminal_should_see_raw(name):
    assert all_found(login(), customer(name)).machines[0].name == name


def test_charles_own_json():
    def transaction(path, method, answer, body=""):
        return {
            "status": "COMPLETE", "method": method, "scheme": "https", "host": "cms.lamarzocco.io", "port": 443,
            "path": path, "query": None, "times": {"start": "2026-11-21T02:55:55.174+00:00"},
            "request": {"header": {"headers": [{"name": "Content-Type", "value": FORM}]}, "body": {"text": body}},
            "response": {
                "status": 200, "header": {"headers": []},
                "body": {"encoding": "base64", "encoded": base64.b64encode(json.dumps(answer).encode()).decode()},
            },
        }  # fmt: skip

    session = [transaction("/oauth/v2/token", "POST", TOKENS, SENT), transaction("/api/customer", "GET", fleet())]
    assert found_in(search(json.dumps(session).encode())[0]) == ALL


@given(st.data())
@settings(max_examples=40)
def test_a_cut_gives_what_is_whole_and_is_said(data):
    content = json.dumps(har(login(), customer("ä" * 50), login())).encode()
    first, second = content.index(b'"url"'), content.index(b'"url"', content.index(b"/api/customer"))
    cut = data.draw(st.integers(content.index(b'"entries": [') + 12, len(content) - 1))
    collection, _, end = search(content[:cut])
    assert "cut short after" in end
    assert (cut > second) <= bool(collection.client)
    assert cut > first or not collection.anything


@pytest.mark.parametrize("removed", [("postData",), ("content",), ("postData", "content")])
def test_an_archive_without_bodies_says_how_to_have_them(removed):
    entries = [login(), customer()]
    for each in entries:
        for part in ("request", "response"):
            for name in removed:
                each[part].pop(name, None)
    _, problems, _ = search(json.dumps(har(*entries)).encode())
    assert any("is not in what was recorded" in str(each) for each in problems)
    assert any("Allow to generate HAR with sensitive data" in str(each) for each in problems)


def test_an_entry_without_an_answer():
    made = login()
    del made["response"]
    _, problems, _ = search(json.dumps(har(made)).encode())
    assert [each.trouble for each in problems] == [Trouble.NO_ANSWER]


@pytest.mark.parametrize("status", ["9" * 5000, "1" * 400, '"٢٠٠"', "1e400", "-1", "null", "[]", '"x"'])
def test_a_status_that_is_none(status):
    content = json.dumps(har(customer())).replace('"status": 200', f'"status": {status}')
    _, problems, end = search(content.encode())
    assert [each.trouble for each in problems] == [Trouble.NO_ANSWER] or "damaged" in end


SEED = json.dumps(har(login(), customer("ä"))).encode()


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SEED)),
            st.integers(0, 30),
            st.binary(max_size=6) | st.sampled_from([b'"', b"\\", b"{", b"}", b"[", b"]", b"9" * 5000, b"\0", b"null"]),
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=200)
def test_whatever_is_damaged_nothing_is_raised(changes):
    content = SEED
    for at, removed, put in changes:
        content = content[:at] + put + content[at + removed :]
    _, problems, end = search(content)
    assert "hush" not in "".join(map(str, problems)) + end


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["base64", SENT]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "value", "text"]), inner),
    max_leaves=8,
)


@given(st.sampled_from(["login", "customer"]), st.lists(st.tuples(st.sampled_from(range(12)), ANYTHING), max_size=4))
def test_whatever_json_is_where_another_should_be(which, changes):
    made = login() if which == "login" else customer()
    places = [
        (made, "startedDateTime"), (made, "request"), (made, "response"),
        *((made["request"], name) for name in ("method", "url", "headers", "postData")),
        *((made["response"], name) for name in ("status", "headers", "content")),
        (made["response"]["content"], "text"), (made["response"]["content"], "encoding"),
    ]  # fmt: skip
    for place, value in changes:
        where, name = places[place]
        where[name] = value
    search(json.dumps(har(made)).encode())


@pytest.mark.parametrize("start", ['{"log"', '[{"log"', ' {"a"', '\n{"', "123:"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
def test_the_encoding_of_a_file(start, encoding):
    assert encoding_of(start.encode(encoding)) == encoding
    assert codecs.lookup(encoding_of(start.encode("utf-16"))).name == "utf-16"


@pytest.mark.parametrize(
    "tail",
    [
        '[{"a":' * 100_000,
        "[" * 1_000_000,
        '{"x":"' + "a" * 5_000_000,
        '{"x":"' + '\\"' * 2_000_000,
        '{"x":' + "9" * 2_000_000 + "}]}}",
        '{"x":0.' + "9" * 2_000_000 + "}]}}",
        '{"x":[' + "{}," * 400_000 + "1]}]}}",
        '{"request":{"url":"https://cms.lamarzocco.io/api/customer"},"x":[' + "1," * 2_000_000 + "1]}]}}",
    ],
    ids=["objects", "lists", "string", "escapes", "digits", "decimals", "parts", "numbers"],
)
def test_time_grows_with_the_size_only(tail):
    start = time.process_time()
    list(_quietly(('{"log":{"entries":[' + tail).encode()))
    assert time.process_time() - start < 4  # a tenth of it on an idle machine


def _quietly(content):
    try:
        yield from read_har(io.BytesIO(content))
    except HarError:
        return


def test_the_rest_is_used_if_one_is_damaged_or_too_large(monkeypatch):
    content = json.dumps(har(login(), entry("/x", {}), customer()))
    damaged = content.replace('"method": "GET", "url": "https://cms.lamarzocco.io/x"', '"method": x')
    collection, _, end = search(damaged.encode())
    assert (found_in(collection), end) == (ALL, "1 request is damaged and left out: export it again")
    monkeypatch.setattr("lmdecode.capture.http.json_entries.LARGEST", 5000)
    large = har(login(), entry("/x", {"a": "b" * 6000}), customer())
    collection, _, end = search(json.dumps(large).encode())
    assert found_in(collection) == ALL
    assert end == "1 request is far larger than the cloud's are and left out: export it again"
