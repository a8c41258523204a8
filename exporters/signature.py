"""Signed requests, by which a receiver can tell that they are ours, and not old ones.

Rule: pure; time is passed in, and no error holds the secret.
Scheme: Standard Webhooks 1.0.0, HMAC-SHA256 over id, time and body,
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

PREFIX = "whsec_"
"""What a secret in base64 begins with."""


def signing_key(secret: str) -> bytes:
    """Return the key that *secret* is: base64 after `whsec_`, else its own bytes.

    Raises ValueError where it is too short to be one, or is no base64.
    """
    if not secret.startswith(PREFIX):
        key = secret.encode()
    else:
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            raise ValueError("it should be base64 after whsec_") from None
    if len(key) < 24:
        raise ValueError("it should have 24 bytes or more")
    return key


def signed(body: bytes, key: bytes, now: float, id_: str | None = None) -> Mapping[str, str]:
    """Return the headers by which a receiver knows *body* for ours, sent at epoch seconds.

    The id is the same for the same body, so that a page that comes twice is known as one.
    """
    id_ = id_ or f"msg_{hashlib.sha256(body).hexdigest()[:32]}"
    timestamp = str(int(now))
    content = b".".join((id_.encode(), timestamp.encode(), body))
    signature = base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    return {
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
