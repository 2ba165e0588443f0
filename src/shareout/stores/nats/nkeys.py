"""Keys as NATS writes them, and what is signed with them: a server says a nonce, and who has the seed signs it."""

from __future__ import annotations

import base64
import binascii
import re

from shareout.errors import UsageError

SEED = re.compile(r"SU[A-Z2-7]{56}")
"""Of a user; of an account or an operator it begins otherwise, and is not for hosts."""
_USER = 20 << 3


def signed(seed: str, nonce: str) -> tuple[str, str]:
    """The public key, and the signature, as they are sent. A UsageError where the seed is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = Ed25519PrivateKey.from_private_bytes(_raw(seed))
    public = bytes([_USER]) + key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    name = base64.b32encode(public + _checksum(public)).decode().rstrip("=")
    return name, base64.urlsafe_b64encode(key.sign(nonce.encode())).decode().rstrip("=")


def _raw(seed: str) -> bytes:
    data = base64.b32decode(seed + "=" * (-len(seed) % 8)) if SEED.fullmatch(seed) else b""
    if not data or _checksum(data[:-2]) != data[-2:]:
        raise UsageError("the seed of the login is damaged", way_out="Copy it anew: it begins with SU.")
    return data[2:-2]


def _checksum(data: bytes) -> bytes:
    return binascii.crc_hqx(data, 0).to_bytes(2, "little")
