"""The file by which operators of a NATS server let somebody in, as they give it; its secrets are no words of a call."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from shareout.errors import UsageError
from shareout.fields import replace
from shareout.stores.nats.entrance import Login
from shareout.stores.nats.nkeys import SEED, signed
from shareout.stores.nats.token import private_bytes

_JWT = re.compile(r"-+BEGIN NATS USER JWT-+\s+(\S+)\s+-+END NATS USER JWT-+")
_NOT_HERE = ("socks_proxy", "nsc", "jetstream_domain", "jetstream_api_prefix")
LARGEST = 1 << 20


def login_in(file: str) -> Login:
    """A context of `nats`, a .creds file, the seed of a key, `USER:PASSWORD`, or a token: by what stands in it."""
    way_out = "Name the file that its operators gave you."
    text = private_bytes(Path(file), "the login", way_out).decode("utf-8", "replace").strip()
    if text.startswith("{"):
        return _of_context(text, file)
    if "BEGIN NATS" in text:
        return _of_creds(text, file)
    if SEED.fullmatch(text):
        return _with_seed(Login(), text)
    name, colon, password = text.partition(":")
    if colon and name and len(text.split()) == 1:
        return Login({"user": name, "pass": password})
    if text and len(text.split()) == 1:
        return Login({"auth_token": text})
    raise UsageError(
        f"{file} is no login of a NATS server",
        way_out="It is a context of `nats` (JSON), a .creds file, a seed (SU…), USER:PASSWORD, or a token.",
    )


def _of_creds(text: str, file: str) -> Login:
    jwt, seed = _JWT.search(text), SEED.search(text.partition("NKEY SEED")[2])
    if not jwt or not seed:
        raise UsageError(f"{file} lacks the JWT or the seed of a user", way_out="Ask for the whole .creds file.")
    return _with_seed(Login({"jwt": jwt[1]}), seed[0])


def _with_seed(login: Login, seed: str) -> Login:
    # Refused here, and not when hosts come.
    signed(seed, "")
    return replace(login, seed=seed)


def _of_context(text: str, file: str) -> Login:
    try:
        facts = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{file} is no JSON: {error}", way_out="Write it with `nats context save`.") from None
    for name in _NOT_HERE:
        if facts.get(name):
            raise UsageError(f'{file} says "{name}", which is not known here', way_out="Use a context without it.")
    login = Login()
    if creds := _named(facts, "creds", file):
        login = _of_creds(creds, facts["creds"])
    elif seed := (_named(facts, "nkey", file).strip() or str(facts.get("user_seed") or "")):
        login = _with_seed(Login(_words(facts)), seed)
    else:
        login = Login(_words(facts))
    ca, certificate, key = (_named(facts, name, file) for name in ("ca", "cert", "key"))
    return replace(
        login, ca=ca, certificate=certificate, key=key, is_tls_first=bool(facts.get("tls_first")),
        needs_tls=bool(ca or certificate), inbox=str(facts.get("inbox_prefix") or "_INBOX"),
    )  # fmt: skip


def _words(facts: dict[str, Any]) -> dict[str, str]:
    found = {"user": facts.get("user"), "pass": facts.get("password"), "auth_token": facts.get("token")}
    return {name: str(value) for name, value in {**found, "jwt": facts.get("user_jwt")}.items() if value}


def _named(facts: dict[str, Any], name: str, file: str) -> str:
    """What stands in the file that it names there; nothing where it names none."""
    if not facts.get(name):
        return ""
    path = Path(file).parent / Path(str(facts[name])).expanduser()
    try:
        with path.open("rb") as opened:
            return opened.read(LARGEST).decode("ascii", "replace")
    except OSError as error:
        raise UsageError(
            f"{file} names {path}, which cannot be read: {(error.strerror or str(error)).lower()}",
            way_out=f'Mend "{name}" there.',
        ) from error
