"""What hosts of a served run have recorded, brought here for a command that looks at it, and kept up with meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, NamedTuple

from shareout.cli.inputs.shared_work import network_at
from shareout.cli.options import Common
from shareout.errors import ShareoutError, UsageError
from shareout.fields import replace
from shareout.ledger.store import Away
from shareout.names import SCHEME

if TYPE_CHECKING:
    from shareout.serving.mirror import Mirror
    from shareout.stores.nats.store import NatsStore

LOOK_S = 1.0


class Bringing:
    """Keeps up with what arrives, beside whoever looks, who reads files and knows of no server."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._one, self._is_over = Lock(), Event()
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def catch_up(self) -> None:
        """All that has arrived by now. What cannot be had may come later; until then it looks as it did."""
        with self._one, suppress(Away, ShareoutError):
            while self._mirror.step():
                pass
            self._mirror.beats()

    def end(self) -> None:
        """It is not kept up with any longer."""
        self._is_over.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._is_over.wait(LOOK_S):
            self.catch_up()


class Brought(NamedTuple):
    """What commands look at."""

    places: list[str]
    """Where runs are, a copy in the place of each address."""
    bringing: Sequence[Bringing]

    def catch_up(self) -> None:
        """With all that has arrived."""
        for one in self.bringing:
            one.catch_up()


@contextmanager
def brought(sources: Sequence[str], common: Common, *, has_logs: bool) -> Iterator[Brought]:
    """A copy of what is at each address. `has_logs`: also of what jobs printed."""
    with ExitStack() as stack:
        bringing: list[Bringing] = []
        places = []
        for one in sources:
            if one.startswith(SCHEME):
                network = network_at(one, common.token_file)
                assert network is not None
                net = stack.enter_context(network.opened(None))
                folder, mirror = temporary_copy(net, stack, has_logs=has_logs)
                bringing.append(Bringing(mirror))
                stack.callback(bringing[-1].end)
                places.append(str(folder))
            else:
                places.append(one)
        yield Brought(places, bringing)


def temporary_copy(net: NatsStore, stack: ExitStack, *, has_logs: bool = False) -> tuple[Path, Mirror]:
    """A folder that is there as long as the stack, and what brings more of it."""
    from tempfile import TemporaryDirectory

    folder = Path(stack.enter_context(TemporaryDirectory(prefix="shareout-served-")))
    return folder, laid_down(net, folder, own=folder / "none", stack=stack, has_logs=has_logs)


def laid_down(net: NatsStore, folder: Path, own: Path, stack: ExitStack, *, has_logs: bool = True) -> Mirror:
    """All that is there now."""
    from shareout.serving.mirror import Mirror
    from shareout.stores.charter import MIRROR
    from shareout.stores.folder.opening import open_folder

    home = stack.enter_context(open_folder(folder, replace(net.charter, group=MIRROR)).closing())
    mirror = Mirror(net, home, lambda key, text: None, own, has_logs=has_logs)
    try:
        while mirror.step():
            pass
        mirror.beats()
    except Away as error:
        raise UsageError(str(error), way_out="Mend that, then give the same command again.") from error
    return mirror
