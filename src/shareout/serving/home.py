"""The folder of a run that this host serves: where it is, at which address, and with which token.

It lies among the run directories of its origin; `address` in it has two lines: where hosts of this host find the run,
and the file of what they show there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import join, quote
from typing import TYPE_CHECKING

from shareout.fields import dataclass
from shareout.files import replace_file
from shareout.ledger.beat import MACHINES
from shareout.ledger.store import Away
from shareout.record.folder import is_journal
from shareout.stores.folder.spelling import spelled

if TYPE_CHECKING:
    from shareout.serving.program import ServerProgram
    from shareout.stores.nats.store import NatsStore
    from shareout.stores.nats.token import Token

LOOPBACK = "127.0.0.1"
SERVER = "server"
_ADDRESS = "address"
_SCRIPT = "join.sh"
_HEX = "[0-9a-f]"


@dataclass(frozen=True, slots=True)
class Home:
    """One."""

    path: Path
    address: str
    token_file: Path

    @property
    def port(self) -> int:
        """Of that address."""
        from shareout.stores.nats.address import address_of

        return address_of(self.address).port

    @property
    def has_server(self) -> bool:
        """Of its own, and not one that somebody had."""
        return (self.path / SERVER).is_dir()

    def note(self) -> None:
        """For commands of another terminal."""
        replace_file(self.path / _ADDRESS, [f"{self.address}\n{self.token_file.absolute()}\n".encode()], sync=False)

    def write_script(self, program: Sequence[str], address: str) -> Path:
        """For who wants to add hosts, as disBatch's `dbUtil.sh`: for its owner alone, who alone has the token."""
        joins = ["join", address, "--token-file", str(self.token_file.absolute()), "--yes"]
        # With what ran beside it, which is not brought a second time.
        looks = ["status", "--watch", str(self.path.absolute().parent)]
        return self._put_script(
            "# Adds this host; as a batch job of Slurm (sbatch -n 20) all nodes of that.\n"
            f'[ "$1" = --mon ] && exec {join([*program, *looks])}\nexec {join([*program, *joins])} "$@"\n'
        )

    def end_script(self, told: str) -> None:
        """Nobody is left to wait for a server that has nothing more to give."""
        self._put_script(f"echo {quote(f'shareout: {told}')} >&2\n")

    def _put_script(self, text: str) -> Path:
        file = self.path / _SCRIPT
        replace_file(file, [f"#!/bin/sh\n{text}".encode("utf-8", "surrogateescape")], sync=False)
        file.chmod(0o700)
        return file

    def start(self, token: Token) -> ServerProgram:
        """Its server, for this host alone and for a while. CannotStart where it does not come up."""
        from shareout.serving.program import ServerProgram, Setup
        from shareout.stores.nats.token import papers_of

        program = ServerProgram(Setup(self.path.absolute() / SERVER, papers_of(token), LOOPBACK, self.port))
        program.start()
        return program

    def has_all_of(self, net: NatsStore) -> bool:
        """Whether all journals that hosts have shipped until now are here as far as they have come."""
        with suppress(Away):
            return all(self._size(*file) >= net.length(*file) for file in net.growing() if is_journal(file[1]))
        return False

    def _size(self, name: str, file: str) -> int:
        laid_down = self.path.joinpath(MACHINES, *(spelled(one).decode() for one in (name, file)))
        for place in (laid_down, self.path.parent / name / file):
            with suppress(OSError):
                return place.stat().st_size
        return 0


def homes_below(runs: Path) -> Iterator[Home]:
    """Those that a `serve` has used."""
    for file in sorted(runs.glob(f"{_HEX * 16}/{_HEX * 8}/{_ADDRESS}")):
        if home := home_in(file.parent):
            yield home


def home_in(folder: Path) -> Home | None:
    """That of a `serve` which has used this folder."""
    with suppress(OSError, ValueError):
        address, token = (folder / _ADDRESS).read_text().splitlines()
        return Home(folder, address, Path(token))
    return None
