"""The signature of requests: two vectors, and what a recording with a key says of its requests."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from Crypto.Hash import SHA256
from Crypto.PublicKey import ECC
from Crypto.Signature import DSS
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.dialect import OwnerAccess, Place, Tallies
from lmdecode.codec.lion.signature import init_text, is_signed, proof, read_public_key, secret, signed_text
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.web import HttpRequest

SCALAR = int.from_bytes(hashlib.sha256(b"lmdecode dummy key").digest())
ID = "0e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"
NONCE = "7a6b5c4d-3e2f-4a1b-8c9d-0e1f2a3b4c5d"
TIMESTAMP = "1767225600000"
PK = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEG50rUKd1GcQcAXd80wHMB9AxLPI7Dg/7VXRSSGCmDYQtmRnC/eoFjS+VXnS4HgpMEN7Q+aEl/1W6By"
    "HkIoRBBQ=="
)
SIGNATURE = "MEUCIHbnQXScXEKfMZx/Z1wQJNGfnI6cqcuW/ZtG9tl2D607AiEA3yuIdUThVmLxoYgAjBOuZ17ncVHvOZsYcKtrnZ1PhY8="
HOST, PREFIX = "lion.lamarzocco.io", "/api/customer-app"


def test_the_proof_of_a_known_text():
    text = "00000000-0000-4000-8000-000000000001.11111111-1111-4111-8111-111111111111.1700000000000"
    assert proof(text, bytes(range(32))) == "hJvmgRw1mUHFii6l7hjISztKGaK4TrKHff3UBft4hSM="


def test_the_whole_chain_of_a_known_key():
    key = ECC.construct(curve="P-256", d=SCALAR)
    assert base64.b64encode(key.public_key().export_key(format="DER")).decode() == PK
    shared = secret(ID, PK)
    assert shared.hex() == "71e3d30ebcbbf0e43e94767b0a80d31a83ca06b70a9f5e9ec7c7913ed4ff404d"
    text = init_text(ID, base64.b64decode(PK))
    assert text == f"{ID}.tKLghX0dKYlKXksqjgJyGdCuBmF7zF6QEGlNW+4KtZU="
    assert proof(text, shared) == "ZQZ82Cgyk4yqAsXKK2XLT5I9fj2gy2YG4ITmcAqM0Jg="
    text = signed_text(ID, NONCE, TIMESTAMP, shared)
    assert text == f"{ID}.{NONCE}.{TIMESTAMP}.5RsLjkyATFm/O/O4t5Vx39hLTs6vK39rC4lb2MgNORg="
    assert is_signed(text, SIGNATURE, read_public_key(PK))
    assert not is_signed(f"{text}.", SIGNATURE, read_public_key(PK))


@pytest.mark.parametrize("text", ["", "no base64", "AAAA", PK[:-8], base64.b64encode(b"\x30" * 91).decode()])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ValueError, match="no public key"):
        read_public_key(text)


def test_a_key_of_another_kind_is_refused():
    for key in (ECC.generate(curve="P-384").public_key(), ECC.generate(curve="P-256")):
        with pytest.raises(ValueError, match="P-256"):
            read_public_key(base64.b64encode(key.export_key(format="DER")).decode())


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_signature_is_too_odd(text, signature):
    assert not is_signed(text, signature, read_public_key(PK))


class Client:
    """An installation of the app, which signs its requests."""

    def __init__(self):
        self.key = ECC.construct(curve="P-256", d=SCALAR)
        self.web = Speakers.open(OwnerAccess(), None, ()).web(HOST, 443, "/", Place(), Tallies())

    def init(self, **changes):
        shared = secret(ID, PK)
        headers = {
            "X-App-Installation-Id": ID,
            "X-Request-Proof": proof(init_text(ID, base64.b64decode(PK)), shared),
            **changes,
        }
        body = json.dumps({"pk": PK}).encode()
        return self.sent(HttpRequest("POST", HOST, f"{PREFIX}/auth/init", [*headers.items()], body))

    def signed(self, nonce=NONCE, **changes):
        text = signed_text(ID, nonce, TIMESTAMP, secret(ID, PK))
        signature = DSS.new(self.key, "fips-186-3", encoding="der").sign(SHA256.new(text.encode()))
        headers = {
            "x-app-installation-id": ID,
            "x-timestamp": TIMESTAMP,
            "x-nonce": nonce,
            "x-request-signature": base64.b64encode(signature).decode(),
            **changes,
        }
        given = [(name, value) for name, value in headers.items() if value]
        return self.sent(HttpRequest("GET", HOST, f"{PREFIX}/things", given))

    def sent(self, request):
        (record,) = self.web.request(1, request)
        return record


def test_a_recording_with_the_key_says_whose_signatures_fit():
    client = Client()
    assert "signature" not in client.signed().extra  # nobody knows the key yet
    told = client.init()
    assert (told.extra["signature"], told.problems) == ("fits", ())
    assert PK not in str(told.as_dict())
    for nonce in (NONCE, "1" + NONCE[1:]):
        fitting = client.signed(nonce)
        assert (fitting.extra["signature"], fitting.problems) == ("fits", ())
    for changes in ({"x-nonce": ID}, {"x-timestamp": "1"}, {"x-request-signature": SIGNATURE[:-4]}, {"x-nonce": ""}):
        wrong = client.signed(**changes)
        assert wrong.extra["signature"] == "does not fit"
        assert wrong.problems == ("the signature does not fit the key that the installation told the cloud",)
    missing = client.signed(**{"x-app-installation-id": ""})
    assert (missing.extra["signature"], missing.problems) == ("missing", ())
    assert "signature" not in client.signed(**{"x-app-installation-id": NONCE}).extra  # another installation


def test_a_proof_that_does_not_fit_is_said_and_the_key_counts_all_the_same():
    client = Client()
    told = client.init(**{"X-Request-Proof": "AAAA"})
    assert told.extra["signature"] == "does not fit"
    assert "X-Request-Proof does not fit" in told.problems[0]
    assert client.signed().extra["signature"] == "fits"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"pk": 7}', b'{"pk": "AAAA"}', b"[" * 9999, b'{"pk": null}'])
def test_a_key_that_cannot_be_read_is_said(body):
    client = Client()
    told = client.sent(HttpRequest("POST", HOST, f"{PREFIX}/auth/init", [("X-App-Installation-Id", ID)], body))
    assert any("no public key can be read" in problem for problem in told.problems)
    assert "signature" not in client.signed().extra
