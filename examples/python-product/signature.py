"""Signatures of requests, by the Standard Webhooks specification (https://www.standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
import time
from typing import Mapping

TOLERANCE_SECONDS = 5 * 60


def read_secrets(text: str) -> list[bytes]:
    """Takes secrets with blanks between. Raises ValueError when there is none, or one is malformed."""
    try:
        keys = [base64.b64decode(secret.removeprefix("whsec_"), validate=True) for secret in text.split()]
    except binascii.Error:
        keys = []
    if not keys or min(map(len, keys)) < 24:
        raise ValueError("must hold the secret that the service signs with: whsec_ and the base64 of at least 24 bytes")
    return keys


def is_signed(keys: list[bytes], headers: Mapping[str, str], signed: bytes) -> bool:
    """Whether a request was signed with one of the keys, not long ago. `signed`: the raw body of a POST, the path of a GET."""
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or len(timestamp) > 12 or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    content = f"{headers.get('webhook-id', '')}.{timestamp}.".encode("latin-1") + signed
    expected = [b"v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()) for key in keys]
    given = headers.get("webhook-signature", "").encode("latin-1").split()
    # compare_digest takes the same time whatever differs; == would tell an attacker how many characters are right.
    return any([hmac.compare_digest(one, other) for one in expected for other in given])
