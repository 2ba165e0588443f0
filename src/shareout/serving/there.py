"""A run on a NATS server that somebody has: which one, and the entrance that this run keeps for its hosts."""

from __future__ import annotations

import os
import re
from pathlib import Path

from shareout.errors import UsageError
from shareout.files import replace_file
from shareout.names import SCHEME
from shareout.serving.login_file import login_in
from shareout.stores.nats.address import address_of
from shareout.stores.nats.entrance import Entrance, Login
from shareout.stores.nats.opening import PREFIX
from shareout.stores.nats.token import Token, read_token, token_in

_WITH_SECRET = re.compile(r"^[a-z]+://[^/]*@")


def entrance_by(urls: str, login: str | None) -> Entrance:
    """To a ledger of a name that nobody else has, by what is typed: addresses with commas between them."""
    servers = []
    for one in urls.split(","):
        if _WITH_SECRET.match(one):
            raise UsageError(
                "a password among the words of a call can be read by all on this host",
                way_out="Write it into a file that you alone can read, as USER:PASSWORD: --login FILE.",
            )
        servers.append(str(address_of(one if "://" in one else f"{SCHEME}{one}")))
    return Entrance(tuple(servers), f"{PREFIX}.{os.urandom(4).hex()}", login_in(login) if login else Login())


def kept_token(file: Path, asked: Entrance) -> Token:
    """This run's, which has its ledger's name for ever; servers and login are as they are asked for now. Refused where
    the run lies on a server of its own."""
    made = token_in(file, asked)
    if made.entrance is None:
        raise UsageError(
            f"this run lies on a server of its own, in {file.parent}",
            way_out="Leave --nats out, and it goes on there; or say another --runs DIR to begin anew.",
        )
    entrance = Entrance(asked.servers, made.entrance.prefix, asked.login)
    if entrance.text() != made.text:
        replace_file(file, [f"{entrance.text()}\n".encode()])
        file.chmod(0o600)
    return Token(b"", str(file), entrance)


def refuse_other(file: Path) -> None:
    """Where the run lies on a server that somebody has, and none is named now."""
    if file.exists() and (entrance := read_token(str(file), {}, "").entrance):
        raise UsageError(
            f"this run lies on {', '.join(entrance.servers)}",
            way_out=f"Say --nats {','.join(entrance.servers)}, and --login; or another --runs DIR to begin anew.",
        )
