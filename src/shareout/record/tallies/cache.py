"""Saves the sums of a journal now and then, so that a run that was killed reads little of its journal again."""

from __future__ import annotations

from shareout.record.folder import RunFolder
from shareout.record.tallies.saved import save
from shareout.record.tallies.tally import Tally
from shareout.record.writer import JournalWriter
from shareout.world import world

EVERY_S = 10.0
# A large tally is saved more rarely: never more than a hundredth of the time goes into it.
COST = 100


class TallyKeeper:
    """Called between the turns of a crew, when the tally holds all that was appended, and nothing else."""

    def __init__(self, folder: RunFolder, writer: JournalWriter, tally: Tally) -> None:
        self._folder = folder
        self._writer = writer
        self._tally = tally
        self._saved = -1
        self._due = world.monotonic() + EVERY_S

    def save_if_due(self) -> None:
        """Every ten seconds, or more rarely where a saving takes long. Raises nothing."""
        if world.monotonic() >= self._due:
            self.save()

    def save(self) -> None:
        """It is a cache: when it cannot be written, the next start reads the journal instead."""
        writer = self._writer
        began = world.monotonic()
        if writer.size != self._saved or writer.is_discarded:
            written = {} if writer.is_discarded else {writer.path.name: writer.part()}
            try:
                save(self._tally, self._folder.tally, written)
                self._saved = writer.size
            except OSError:
                pass
        ended = world.monotonic()
        self._due = ended + max(EVERY_S, COST * (ended - began))
