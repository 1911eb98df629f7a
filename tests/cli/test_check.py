"""`lmdecode check`: whose signatures fit the key in the recording, and what is missing where none can be checked."""

from __future__ import annotations

import base64
import json

import pytest
from Crypto.Hash import SHA256
from Crypto.PublicKey import ECC
from Crypto.Signature import DSS

from lmdecode.codec.lion.signature import init_text, proof, secret, signed_text

ID = "0e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"
KEY = ECC.construct(curve="P-256", d=0x1234567890)
DER = KEY.public_key().export_key(format="DER")
PK = base64.b64encode(DER).decode()
SECRET = secret(ID, PK)
BASE = "https://lion.lamarzocco.io/api/customer-app"


def entry(method, path, headers, body=None, second=0):
    request = {
        "method": method,
        "url": f"{BASE}{path}",
        "headers": [{"name": name, "value": value} for name, value in headers.items()],
    }
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
    content = {"mimeType": "application/json", "text": "[]"}
    response = {"status": 200, "headers": [], "content": content}
    return {"startedDateTime": f"2026-11-21T02:54:{second:02}Z", "time": 100, "request": request, "response": response}


def init():
    headers = {"X-App-Installation-Id": ID, "X-Request-Proof": proof(init_text(ID, DER), SECRET)}
    return entry("POST", "/auth/init", headers, {"pk": PK})


def signed(second, *, nonce="7a6b5c4d-3e2f-4a1b-8c9d-0e1f2a3b4c5d", sent=None):
    text = signed_text(ID, nonce, "1795229700000", SECRET)
    signature = base64.b64encode(DSS.new(KEY, "fips-186-3", encoding="der").sign(SHA256.new(text.encode()))).decode()
    headers = {
        "X-App-Installation-Id": ID,
        "X-Timestamp": "1795229700000",
        "X-Nonce": sent or nonce,
        "X-Request-Signature": signature,
    }
    return entry("GET", "/things", headers, second=second)


@pytest.fixture
def recording(tmp_path):
    def made(*entries):
        path = tmp_path / "morning.har"
        path.write_text(json.dumps({"log": {"version": "1.2", "entries": [*entries]}}))
        return str(path)

    return made


def test_all_signatures_fit(command, recording):
    told = command("check", recording(init(), signed(1), signed(2)), "--format", "table")
    assert told.stdout == "3 of 3 signatures fit the installation's key\n"


def test_each_that_does_not_fit_is_named(command, recording):
    path = recording(init(), signed(1), signed(2, sent=ID), entry("GET", "/things", {"Accept": "*/*"}, second=3))
    found = command("check", path, "--format", "table", "--utc")
    told = found.stdout
    assert found.returncode == 1
    assert "2 of 3 signatures fit the installation's key" in told
    assert "does not fit: 2026-11-21 02:54:02 UTC  GET /api/customer-app/things\n" in told
    assert "1 request without a signature" in told
    lines = [json.loads(line) for line in command("check", path).stdout.splitlines()]
    assert [each["signature"] for each in lines] == ["fits", "fits", "does not fit"]


def test_what_is_missing_is_said(command, recording):
    assert "no request to /auth/init is recorded before them" in command.fails("check", recording(signed(1)))
    other = entry("GET", "/things", {})
    other["request"]["url"] = "https://gw-lmz.lamarzocco.io/v1/home/machines/MR012345/status"
    assert "`lmdecode keys check` is about the key of a machine" in command.fails("check", recording(other))
