"""What lets hosts into a NATS server that somebody has: where it is, what it asks for, and the ledger's name there.

It is what a token is of a server of ours: `serve` writes it into the same file, for its owner alone, and hosts show it
in the same way. All stands in it, also certificates: a host needs this file and the program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from shareout.errors import UsageError
from shareout.fields import dataclass, field
from shareout.stores.nats.address import Address, address_of
from shareout.stores.nats.wire import Door

if TYPE_CHECKING:
    import ssl

FORM = 1


@dataclass(frozen=True, slots=True)
class Login:
    """What is shown there. It is secret, and is told in no sentence."""

    words: Mapping[str, str] = field(default_factory=dict)
    """As they are sent: `user` and `pass`, `auth_token`, or `jwt`."""
    seed: str = ""
    """Signs what the server says."""
    ca: str = ""
    """PEM; empty: what the system believes."""
    certificate: str = ""
    key: str = ""
    needs_tls: bool = False
    is_tls_first: bool = False
    inbox: str = "_INBOX"

    def __repr__(self) -> str:
        return "Login()"

    def shown(self, nonce: str) -> dict[str, str]:
        """To a server that has said that."""
        if not self.seed:
            return dict(self.words)
        from shareout.stores.nats.nkeys import signed

        name, signature = signed(self.seed, nonce)
        return {**self.words, "sig": signature, **({} if "jwt" in self.words else {"nkey": name})}

    def context(self) -> ssl.SSLContext:
        """Of a client."""
        import ssl

        from shareout.stores.nats.token import show_papers

        context = ssl.create_default_context(cadata=self.ca or None)
        if self.certificate:
            show_papers(context, self.key.encode() + self.certificate.encode())
        return context


@dataclass(frozen=True, slots=True)
class Entrance:
    """To one ledger there."""

    servers: tuple[str, ...]
    prefix: str
    login: Login

    @property
    def addresses(self) -> list[Address]:
        """Of all servers."""
        return [address_of(one) for one in self.servers]

    def door(self) -> Door:
        """How it is gone in."""
        one = self.login
        # Reads some hundred certificates, where a server asks for it.
        return Door(
            cache(one.context), is_tls_first=one.is_tls_first, needs_tls=one.needs_tls, shown=one.shown, inbox=one.inbox
        )  # fmt: skip

    def text(self) -> str:
        """A line of JSON."""
        one = self.login
        login = {
            "words": dict(one.words), "seed": one.seed, "ca": one.ca, "certificate": one.certificate, "key": one.key,
            "needs_tls": one.needs_tls, "is_tls_first": one.is_tls_first, "inbox": one.inbox,
        }  # fmt: skip
        facts = {"token": FORM, "servers": self.servers, "prefix": self.prefix}
        return json.dumps({**facts, "login": {name: value for name, value in login.items() if value}})


def entrance_of(text: str, source: str) -> Entrance:
    """From that line; refused where it is none."""
    try:
        facts = json.loads(text)
        if facts["token"] != FORM:
            raise ValueError
        return Entrance(tuple(map(_word, facts["servers"])), _word(facts["prefix"]), _login(facts["login"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(
            f"{source}: what stands there is no token", way_out="Copy all of the file that `serve` has written."
        ) from None


def _login(facts: dict[str, Any]) -> Login:
    words = {_word(name): _word(value) for name, value in facts.get("words", {}).items()}
    texts = {name: _word(facts[name]) for name in ("seed", "ca", "certificate", "key", "inbox") if name in facts}
    return Login(
        words, needs_tls=bool(facts.get("needs_tls")), is_tls_first=bool(facts.get("is_tls_first")), **texts
    )  # fmt: skip


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
