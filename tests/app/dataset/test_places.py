"""What a URL is called, what a storage's errors mean, and that nothing secret is said."""

from __future__ import annotations

import socket
from urllib.parse import quote

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.dataset.places import (
    NO_CONNECTION,
    PlaceError,
    file_at,
    file_system,
    is_url,
    opened,
    reason_of,
    shown,
)

SECRET = "hunter2"
secrets = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6).map(lambda text: f"{SECRET}{text}")
hosts = st.sampled_from(["router", "10.0.0.1", "[fe80::1]", "nas.local"])
ports = st.sampled_from(["", ":22", ":8080"])
paths = st.sampled_from(["", "/", "/x.pcap", "/a@b/kitchen@home:1.pcap", "/day 1/*.pcap", "/%41.pcap"])
places = st.tuples(hosts, ports, paths).map("".join)


@given(secrets, secrets, places, secrets)
def test_no_name_has_the_user_the_password_or_the_token(user, password, place, token):
    url = f"sftp://{quote(user, safe='')}:{quote(password, safe='')}@{place}"
    assert shown(url) == f"sftp://{place}"
    assert shown(f"https://{place}?X-Amz-Signature={quote(token)}#{quote(token)}") == f"https://{place}"
    assert shown(f"zip://x.pcap::{url}") == f"zip://x.pcap::sftp://{place}"


@given(secrets.filter(lambda text: "/" not in text), secrets, hosts)
def test_a_password_that_was_not_encoded_is_in_no_name_either(user, password, host):
    assert SECRET not in shown(f"sftp://{user}:{password}@{host}/x.pcap")


@given(st.text())
def test_any_text_has_a_name_that_can_be_written(text):
    shown(text).encode()
    assert is_url(f"s3://{text}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("s3://bucket/x@y.pcap", True), ("memory://x", True), ("/tmp/a::b", False), ("a:b", False), ("C:\\x", False)],
)
def test_a_url_is_told_from_a_path(text, expected):
    assert is_url(text) is expected
    assert shown(text) == text


def test_a_storage_that_nobody_knows_is_named_with_those_that_there_are():
    with pytest.raises(PlaceError, match=r"^foo://host/x: there is no storage foo://") as caught:
        file_system("foo://me:hunter2@host/x")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("url", ["sftp://me:hunter2@127.0.0.1:{}/x.pcap", "http://me:hunter2@127.0.0.1:{}/x.pcap"])
def test_a_server_that_is_not_there_cannot_be_reached(url):
    with socket.socket() as nobody:  # bound and not listening: whoever connects is refused
        nobody.bind(("127.0.0.1", 0))
        url = url.format(nobody.getsockname()[1])
        with pytest.raises(PlaceError, match="cannot be reached; check the address and the network") as caught:
            file_at(url)
    assert caught.value.exit_code == NO_CONNECTION
    assert SECRET not in str(caught.value)


def test_a_package_that_is_missing_is_named_by_what_installs_it(monkeypatch):
    def missing(*_args, **_options):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    monkeypatch.setattr("fsspec.get_filesystem_class", missing)
    monkeypatch.setattr("lmdecode.app.dataset.places.install_command", lambda extra: f"pip install x[{extra}]")
    monkeypatch.setattr("lmdecode.app.dataset.places.EXTRAS", {"s3": None})
    with pytest.raises(PlaceError, match=r"^s3://b/x needs a package that is not installed: pip install x\[s3\]$"):
        file_system("s3://b/x")


class AnswerError(Exception):
    """As a library tells of an answer of HTTP."""

    def __init__(self, status):
        super().__init__(f"https://me:{SECRET}@host: {status}")
        self.status = status


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AnswerError(403), "access was refused"),
        (AnswerError(404), "does not exist"),
        (AnswerError(418), "cannot be read (AnswerError)"),
        (AnswerError(503), "gives no answer that can be used; try again later"),
        (EOFError(), "cannot be reached"),
        (PermissionError(13, "no"), "access was refused"),
        (FileNotFoundError(f"https://me:{SECRET}@host"), "does not exist"),
        (TimeoutError(), "cannot be reached"),
        (OSError(5, "Input/output error"), "cannot be read (Input/output error)"),
        (OSError(5, f"https://{SECRET}"), "cannot be read (OSError)"),
        (type("NoCredentialsError", (Exception,), {})(), "no credentials"),
    ],
)
def test_a_storage_s_error_is_told_in_own_words(error, said):
    line = reason_of(error, "x")
    assert said in line
    assert SECRET not in line


def test_what_is_elsewhere_is_read_and_its_state_is_known():
    storage = fsspec.filesystem("memory")
    storage.pipe("/places/x.pcap", b"some bytes")
    with opened("memory://places/x.pcap") as file:
        assert file.read() == b"some bytes"
    found = file_at("memory://places/x.pcap")
    assert (found.name, found.size, found.modified_ns) == ("memory://places/x.pcap", 10, None)
    assert found.stamp
    assert file_at("memory://places/y.pcap") is None
    with pytest.raises(PlaceError, match=r"^memory://places/y\.pcap does not exist"), opened("memory://places/y.pcap"):
        pass
