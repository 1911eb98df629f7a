"""Requests to the cloud, signed anew by an installation that nobody has.

A request's signature is made with a key of the installation, over its id and a number that is used once. In a copy both
are made up, so the signature would not fit any more, and whoever checks the copy would look for a fault that is not
there. So where a recording has the public key of an installation, the copy has that of a published pair of keys in its
place, and its requests are signed with it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Final

from lmdecode.codec.lion.signature import init_text, proof, secret, signed_text
from lmdecode.codec.web import HttpRequest, header
from lmdecode.redaction.substitutions import Kind, Substitutions

if TYPE_CHECKING:
    from Crypto.PublicKey.ECC import EccKey

_SEED: Final = b"lmdecode dummy key"
"""What the published private key is the digest of, as in the samples."""
_ID, _NONCE, _TIME = "x-app-installation-id", "x-nonce", "x-timestamp"
_PROOF, _SIGNATURE = "x-request-proof", "x-request-signature"


class Signatures:
    """Signs the requests of a copy.

    Args:
        table: What stands for what; it grows.
    """

    def __init__(self, table: Substitutions) -> None:
        self._table = table
        self._secrets: dict[str, bytes] = {}  # of the installations whose keys were told, by the id in the copy

    def signed(self, original: HttpRequest, made: HttpRequest) -> HttpRequest:
        """Return a request of the copy with a signature that fits, if the original has one and its key is known.

        Args:
            original: The request as it was recorded.
            made: The same without secrets.
        """
        name = header(made.headers, _ID)
        if name and header(original.headers, _PROOF):
            made = self._told(name, original, made)
        known = self._secrets.get(name)
        if known is None or not header(original.headers, _SIGNATURE):
            return made
        text = signed_text(name, header(made.headers, _NONCE), header(made.headers, _TIME), known)
        return self._with(made, _SIGNATURE, header(original.headers, _SIGNATURE), _sign(text))

    def _told(self, name: str, original: HttpRequest, made: HttpRequest) -> HttpRequest:
        try:
            recorded, body = json.loads(original.body), json.loads(made.body)
            self._table.fix(Kind.SECRET, recorded["pk"], _public_key())
            body["pk"] = _public_key()
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            return made
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        known = self._secrets[name] = secret(name, _public_key())
        shown = proof(init_text(name, base64.b64decode(_public_key())), known)
        headers = [
            (each, str(len(text)) if each.lower() == "content-length" else value) for each, value in made.headers
        ]
        return self._with(made._replace(headers=headers, body=text), _PROOF, header(original.headers, _PROOF), shown)

    def _with(self, made: HttpRequest, name: str, recorded: str, value: str) -> HttpRequest:
        self._table.fix(Kind.SIGNATURE, recorded, value)
        headers = [(each, value if each.lower() == name else before) for each, before in made.headers]
        return made._replace(headers=headers)


@cache
def _key() -> EccKey:
    from Crypto.PublicKey import ECC  # noqa: PLC0415 -- few recordings have signatures

    return ECC.construct(curve="P-256", d=int.from_bytes(hashlib.sha256(_SEED).digest(), "big"))


@cache
def _public_key() -> str:
    return base64.b64encode(_key().public_key().export_key(format="DER", compress=False)).decode()


def _sign(text: str) -> str:
    """Return the signature of a text, which is always the same (RFC 6979)."""
    from Crypto.Hash import SHA256  # noqa: PLC0415 -- as above
    from Crypto.Signature import DSS  # noqa: PLC0415 -- as above

    signer = DSS.new(_key(), "deterministic-rfc6979", encoding="der")
    return base64.b64encode(signer.sign(SHA256.new(text.encode()))).decode()
