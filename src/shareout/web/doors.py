"""Who is let in. On a host that others use too, loopback is everybody's: so nothing is told without the token.

Names of hosts are checked because a page anywhere may have its own name lead to 127.0.0.1, and then ask as if it were
of this place; and what a page of another place asks for is refused whatever it asks for.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping

OURS = ("localhost", "127.0.0.1", "[::1]")
SCHEME = "Bearer "


def new_token() -> str:
    """Of 128 bits."""
    return secrets.token_urlsafe(16)


def refusal(headers: Mapping[str, str], token: str | None) -> tuple[int, str] | None:
    """A status and a sentence; None for who may come in. `token`: None for what anybody may have."""
    host = headers.get("Host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] if ":" in host else host
    # On any port: through `ssh -L` it is another one.
    if name.lower() not in OURS:
        return 421, "this host is not called that"
    if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return 403, "this was asked for by another site"
    if token is None:
        return None
    said = headers.get("Authorization", "")
    is_right = said.startswith(SCHEME) and hmac.compare_digest(
        said.removeprefix(SCHEME).encode("latin-1", "replace"), token.encode()
    )
    return None if is_right else (401, "the token is missing or wrong: open the address that was printed")
