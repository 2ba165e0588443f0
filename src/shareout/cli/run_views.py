"""Who is shown how a run goes: a live view, plain lines, or only what is wrong; and the entry script's own."""

from __future__ import annotations

import sys

from shareout.choices import Progress
from shareout.events import Listener
from shareout.record.folder import RunFolder
from shareout.run.request import RunRequest
from shareout.show.beside import may_steer


def views_of(request: RunRequest, title: str, *, quiet: bool) -> list[Listener]:
    """By the settings, and by what standard error is."""
    settings, entry = request.settings, request.entry
    views: list[Listener] = []
    if entry is not None and entry.on_result is not None:
        from shareout.show.results import OnResult

        views.append(OnResult(entry.on_result))
    kind = settings.display.progress
    if kind is Progress.AUTO:
        kind = Progress.LIVE if may_steer() else Progress.PLAIN
    # A frame that is redrawn and lines that jobs print would overwrite each other: --tee has only sentences.
    if quiet or kind is Progress.NONE:
        from shareout.show.plain import WarningsView

        return [*views, WarningsView()]
    if kind is Progress.LIVE and request.tee:
        from shareout.show.plain import SentencesView

        return [*views, SentencesView()]
    if kind is Progress.LIVE:
        from shareout.show.live import LiveView

        # By its full name: the user's own code may change the folder that we are in.
        folder = RunFolder.of(request.runs.absolute(), request.plan.origin, request.machine)
        return [*views, LiveView(sys.stderr, title, lambda slot: folder.slot_outputs(slot).values())]
    from shareout.show.plain import PlainView

    return [*views, PlainView(settings.display.interval)]
