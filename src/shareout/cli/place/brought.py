"""What hosts of a served run have recorded, brought here for a command that looks at it, and kept up with meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

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


@contextmanager
def brought(sources: Sequence[str], common: Common, *, has_logs: bool) -> Iterator[list[str]]:
    """Places where runs are, with a copy in the place of each address. `has_logs`: also of what jobs printed."""
    with ExitStack() as stack:
        yield [_brought(one, common, stack, has_logs) if one.startswith(SCHEME) else one for one in sources]


def _brought(address: str, common: Common, stack: ExitStack, has_logs: bool) -> str:
    network = network_at(address, common.token_file)
    assert network is not None
    return str(temporary_copy(stack.enter_context(network.opened(None)), stack, has_logs=has_logs, is_followed=True))


def temporary_copy(net: NatsStore, stack: ExitStack, *, has_logs: bool = False, is_followed: bool = False) -> Path:
    """A folder that is there as long as the stack; `is_followed`: with what arrives meanwhile."""
    from tempfile import TemporaryDirectory

    folder = Path(stack.enter_context(TemporaryDirectory(prefix="shareout-served-")))
    mirror = laid_down(net, folder, own=folder / "none", stack=stack, has_logs=has_logs)
    if is_followed:
        stack.callback(_follow(mirror))
    return folder


def laid_down(net: NatsStore, folder: Path, own: Path, stack: ExitStack, *, has_logs: bool = True) -> Mirror:
    """All that is there now."""
    from shareout.serving.home import MIRROR
    from shareout.serving.mirror import Mirror
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


def _follow(mirror: Mirror) -> Callable[[], None]:
    """Beside whoever looks, who reads files and knows of no server. What ends it."""
    from threading import Event, Thread

    is_over = Event()

    def keep_up() -> None:
        while not is_over.wait(LOOK_S):
            # What cannot be had now may come later; until then it looks as it did.
            with suppress(Away, ShareoutError):
                while mirror.step():
                    pass
                mirror.beats()

    thread = Thread(target=keep_up, daemon=True)
    thread.start()

    def end() -> None:
        is_over.set()
        thread.join()

    return end
