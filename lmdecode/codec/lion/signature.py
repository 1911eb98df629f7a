"""How an installation of the app proves to the cloud who it is. Nothing here says what was asked: only who asks.

An installation makes a pair of keys on the curve P-256 and an id, and tells the cloud the public key once. From then on
each request is signed. Into what is signed goes a *proof*, a digest with a secret; the secret is derived from the id
and the public key, so whoever sees these two can compute it. Neither the method nor the path nor the body is signed.

These functions are pure: they compute what a client sends, and check what one has sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from Crypto.PublicKey.ECC import EccKey


def secret(installation: str, public_key: str) -> bytes:
    """Return the secret of an installation, 32 bytes.

    Args:
        installation: Its id, a UUID in lower case.
        public_key: Its public key as it is sent: SubjectPublicKeyInfo in DER, in base64.
    """
    return _sha256(f"{installation}.{public_key}.{_base64(_sha256(installation.encode()))}".encode())


def proof(text: str, secret: bytes) -> str:
    """Return the proof for a text, in base64.

    Args:
        text: What it is about.
        secret: That of the installation, 32 bytes.
    """
    work = bytearray(secret)
    for byte in text.encode():
        place = byte % len(work)
        by = work[(place + 1) % len(work)] % 8
        mixed = byte ^ work[place]
        work[place] = (mixed << by | mixed >> (8 - by)) & 0xFF
    return _base64(_sha256(bytes(work)))


def init_text(installation: str, public_key: bytes) -> str:
    """Return the text whose proof goes with the public key, when the cloud is told it.

    Args:
        installation: Its id.
        public_key: SubjectPublicKeyInfo in DER.
    """
    return f"{installation}.{_base64(_sha256(public_key))}"


def signed_text(installation: str, nonce: str, timestamp: str, secret: bytes) -> str:
    """Return the text that a request's signature is of.

    Args:
        installation: The header X-App-Installation-Id.
        nonce: The header X-Nonce.
        timestamp: The header X-Timestamp: milliseconds since 1970.
        secret: That of the installation.
    """
    head = f"{installation}.{nonce}.{timestamp}"
    return f"{head}.{proof(head, secret)}"


def read_public_key(text: str) -> EccKey:
    """Return the public key in a text, as an installation sends it.

    Raises:
        ValueError: It is not a public key of the curve P-256.
    """
    from Crypto.PublicKey import ECC  # noqa: PLC0415 -- few recordings have one

    try:
        key = ECC.import_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, IndexError, TypeError) as error:
        raise ValueError("no public key") from error
    if key.curve != "NIST P-256" or key.has_private():
        raise ValueError("no public key of the curve P-256")
    return key


def is_signed(text: str, signature: str, public_key: EccKey) -> bool:
    """Return whether a signature is that of a text by an installation.

    Args:
        text: As `signed_text` returns it.
        signature: ECDSA with SHA-256, in DER, in base64.
        public_key: That of the installation.
    """
    from Crypto.Hash import SHA256  # noqa: PLC0415 -- as above
    from Crypto.Signature import DSS  # noqa: PLC0415

    try:
        DSS.new(public_key, "fips-186-3", encoding="der").verify(
            SHA256.new(text.encode()), base64.b64decode(signature, validate=True)
        )
    except (ValueError, binascii.Error, IndexError, TypeError):
        return False
    return True


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
