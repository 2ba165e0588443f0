"""One host, from the first word to the last: check, copy, start, follow, fetch. What fails is tried again with pauses
that grow; from its beginning always, for every step first looks what there is.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from shareout.launch import scripts
from shareout.launch.fetch import Fetched, Home
from shareout.launch.journey import Journey
from shareout.launch.launcher import Answer, Gone, Launcher, Refusal, Talk, Unreached, ask, facts_of, readable
from shareout.launch.needs import about_clock, lacks
from shareout.launch.parcel import sent
from shareout.launch.scripts import Item, Order
from shareout.launch.standing import Standings, State, told_of
from shareout.launch.tunnel import lead

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
STARTS = 3
"""Without any progress between them."""
SIGNALS, STOPPED = 128, (130, 143)


class Errand:
    """Of one host. All that it tells goes to its row."""

    def __init__(
        self, launcher: Launcher, order: Order, journey: Journey, *, standings: Standings, leaving: Event
    ) -> None:
        self.launcher, self.order = launcher, order
        self._journey, self._standings, self._leaving = journey, standings, leaving
        self._tmp, self._note, self._is_service = "", "", False
        self._tries = 0
        self._since = time.monotonic()

    @property
    def machine(self) -> str:
        """Whose it is."""
        return self.order.machine

    def run(self, steps: Callable[[], None] | None = None) -> None:
        """All of it, or other steps by the same rules: what is not reached is tried again as long as there is patience;
        what is refused is not."""
        while not self._leaving.is_set():
            try:
                return (steps or self.whole)()
            except Gone:
                return None
            except Refusal as refusal:
                return self.tell(State.REFUSED, why=readable(str(refusal)))
            except (Unreached, OSError) as error:
                self.launcher.close()
                if not self._waits(readable(str(error))):
                    return None
        return None

    def whole(self) -> None:
        """From whatever there is to a record that is here."""
        self.reach(State.CHECKING)
        told = self.check()
        if "recorded" not in told and (counts := self._journey.at_home(self.machine)):
            self._standings.change(self.machine, **counts)
            self._end(0, None, "")
            return
        own = self._look() if "have0" in told and "recorded" in told else {}
        begins = not own.get("live") and not (own and self._how_it_ended(own)[0] == 0)
        if begins:
            self._prepare(told)
        self._lead()
        if begins:
            self._start()
        idle = 0
        while True:
            before = self._standings.of(self.machine).done
            self._agree()
            self._follow()
            left, code, said = self._how_it_ended(self._look())
            if left == 0 or code is not None or idle >= STARTS:
                break
            # Killed, or its host went down: what it has recorded stands.
            idle = 0 if self._standings.of(self.machine).done > before else idle + 1
            self._start()
        self.fetch()
        self._end(left, code, said)

    def reach(self, state: State) -> None:
        """The connection."""
        self.tell(state, why="")
        self.launcher.open()
        self._heard()

    def check(self) -> Mapping[str, str]:
        """What the host tells of itself; and where a program can unpack itself there."""
        answer = self._ask(scripts.check(self.order, self._journey.items))
        told = answer.told()
        if "arch" not in told:
            raise Refusal(f"its shell does not answer: {answer.err or answer.out[:200].decode('utf-8', 'replace')}")
        self._tmp = told.get("tmp", "").partition("\n")[0]
        self._is_service = "scope" in told
        self._note = about_clock(told.get("clock", ""))
        return told

    def last_end(self) -> tuple[int | None, str]:
        """Exit code of the last run, None where it was killed; and what it said last."""
        told = self._ask(scripts.ended(self.order)).told()
        code = int(text) if (text := told.get("exit", "")).isdigit() else None
        # What the shell there tells of a signal that no run of ours handles is that somebody has killed it.
        is_killed = code is not None and code > SIGNALS and code not in STOPPED
        return (None if is_killed else code), told.get("said", "")

    def fetch(self) -> Fetched:
        """What is new there comes home."""
        self.tell(State.FETCHING)
        return self._fetch(self.order.run, self._globs, Home(self._journey.home / self.machine))

    def fetch_ledger(self, home: Path) -> None:
        """What all hosts have shipped to the folder that they share, for those of them that cannot be reached."""
        self.reach(State.FETCHING)
        self.check()
        self._fetch("machines", [], Home(home), f"{self.order.shared}/{self.order.ledger}")
        self.tell(State.DONE)

    def _fetch(self, run: str, globs: Sequence[str], home: Home, folder: str = ".") -> Fetched:
        request = {"do": "give", "in": folder, "run": run, "globs": globs, "have": home.has()}
        with Talk(self.launcher, scripts.answer(self.order.folder, self._tmp)) as talk:
            if talk.send(json.dumps(request).encode("ascii")):
                talk.end()
            try:
                fetched = home.take(talk.out)
            except Unreached as error:
                raise Unreached(talk.complaint() or str(error)) from None
        self._heard()
        return fetched

    def end(self, *, now: bool) -> None:
        """Signals the run there, and follows it until it is over."""
        if not self._finds(State.WAITING):
            return
        if self._far({"do": "stop", "run": self.order.run, "now": now})[-1].get("stopped") is not None:
            self._follow()
        self._stands()

    def bring(self) -> None:
        """What there is by now comes home; its run goes on."""
        if not self._finds(State.WAITING):
            return
        self.fetch()
        self._stands()

    def see(self) -> None:
        """How it stands."""
        if self._finds(State.WAITING):
            self._stands()

    def remove(self) -> None:
        """All that was brought and recorded there goes, when all of it is home."""
        if not self._finds(State.DONE):
            return None
        if missing := self._unfetched():
            raise Refusal(f"{len(missing)} files there are not at home: {missing[0]} …; `launch --fetch` brings them")
        left = self._ask(scripts.clean(self.order, self._journey.items)).told().get("left", "0")
        return self.tell(
            State.DONE, why=f"{left} files of others are left in {self.order.folder}" if left != "0" else ""
        )

    def _unfetched(self) -> list[str]:
        """What is there and not at home as it is there. A run that goes on is refused: more will come."""
        has = Home(self._journey.home / self.machine).has()
        *files, last = self._far({"do": "list", "run": self.order.run, "globs": self._globs})
        if last.get("live"):
            raise Refusal("it runs: stop it first (--stop), or wait")
        return [one["file"] for one in files if has.get(one["file"], (0, ""))[1] != one["hash"]]

    def tell(self, state: State, **changes: Any) -> None:
        """To the row; nothing more is done where the view is being left."""
        if self._leaving.is_set():
            raise Gone
        self._standings.change(self.machine, state=state, **changes)

    @property
    def _globs(self) -> list[str]:
        return [*self._journey.globs, f"launch/{self.machine}.out"]

    def _finds(self, otherwise: State) -> bool:
        """Whether our program is there to be asked; else that is told."""
        self.reach(State.CHECKING)
        if "have0" in self.check():
            return True
        self.tell(otherwise, why="nothing of this launch is there")
        return False

    def _prepare(self, told: Mapping[str, str]) -> None:
        """Everything is there and right, or it is refused before anything was copied."""
        if why := lacks(self._journey.needs, told):
            raise Refusal(why)
        numbered = enumerate(self._journey.items)
        missing = [(number, item) for number, item in numbered if told.get(f"have{number}") != item.sha256]
        if not missing:
            return
        self.tell(State.COPYING)
        for number, item in missing:
            self._copy(item, int(told.get(f"part{number}", "0") or 0))
        self._try_out()

    def _look(self) -> Mapping[str, Any]:
        """How its run stands there; empty where there is none."""
        own = self._own(self._ask(scripts.look(self.order, self._tmp)).out)
        self._standings.change(self.machine, **told_of(own))
        return own

    def _own(self, told: bytes) -> Mapping[str, Any]:
        return facts_of(told).get("machines", {}).get(self.machine, {})  # type: ignore[no-any-return]

    def _stands(self) -> None:
        own = self._look()
        if own.get("live"):
            return self.tell(State.RUNNING, why="")
        left, code, said = self._how_it_ended(own)
        if left is None and code is None and not said:
            return self.tell(State.WAITING, why="it has not begun there")
        return self._end(left, code, said)

    def _how_it_ended(self, own: Mapping[str, Any]) -> tuple[int | None, int | None, str]:
        """How many of its jobs are to do, None where nothing is recorded; then as `last_end`. Who shares all work is
        through when all of it is, which only the end of its own run tells."""
        code, said = self.last_end()
        left = int(own["todo"]) if "todo" in own else None
        if left is not None and self.order.is_shared:
            left = 0 if code in (0, 1) else max(1, left)
        return left, code, said

    def _lead(self) -> None:
        if self._journey.server is not None:
            lead(self.launcher, self.order, self._journey.server)

    def _copy(self, item: Item, offset: int) -> None:
        for _ in range(STARTS):
            answer = sent(self.launcher, self.order.folder, item, offset)
            told = answer.told()
            self._heard()
            if "whole" in told:
                return
            if answer.code:
                raise Refusal(f"{item.path} cannot be written there: {answer.err}")
            offset = int(told.get("has", "0") or 0)
        raise Unreached(f"{item.path} did not arrive whole")

    def _try_out(self) -> None:
        answer = self._ask(scripts.first_words(self.order.folder, self._tmp))
        if answer.code:
            said = answer.err or answer.out.decode("utf-8", "replace")
            raise Refusal(f"the program does not run there: {said}")

    def _start(self) -> None:
        self.tell(State.STARTING)
        server = self._journey.server
        script = scripts.start(self.order, self._tmp, as_service=self._is_service)
        answer = self._ask(script, server.token if server else b"")
        if "began" not in answer.told():
            raise Refusal(f"it cannot be started: {answer.err}")

    def _agree(self) -> None:
        """A folder that is not mounted on a host is an empty one there, in which it would run everything once more."""
        found = self._ask(scripts.ledger(self.order)).told().get("ledger", "") if self.order.shared else ""
        if not found:
            return
        first, machine = self._journey.ledgers.setdefault(self.order.ledger, (found, self.machine))
        if first != found:
            self._far({"do": "stop", "run": self.order.run, "now": True})
            raise Refusal(f"{self.order.shared} is another folder there than on {machine}: is it mounted on both?")

    def _follow(self) -> None:
        """Until it is over. A connection that is cut in the middle is Unreached."""
        self.tell(State.RUNNING, why=self._note)
        with Talk(self.launcher, scripts.follow(self.order, self._tmp, self._journey.every)) as talk:
            for line in iter(talk.out.readline, b""):
                self._tries, self._since = 0, time.monotonic()
                # In one change: of hundreds of hosts a line comes every few milliseconds.
                self.tell(State.RUNNING, heard=round(time.time(), 3), **told_of(self._own(line)))
            talk.hear()

    def _end(self, left: int | None, code: int | None, said: str) -> None:
        if left == 0:
            return self.tell(State.DONE, exit=int(self._standings.of(self.machine).failed > 0), why="")
        words = readable(said)
        if code == 2:
            differs = self._differences() if "this is the plan" in said else []
            return self.tell(State.REFUSED, exit=code, why="\n".join([words, *differs]))
        why = "it was killed" if code is None else f"exit {code}"
        return self.tell(State.STOPPED, exit=code, why=f"{why}: {words}" if words else why)

    def _differences(self) -> list[str]:
        answer = self._ask(scripts.card(self.order, self._tmp, self._journey.card))
        return self._journey.compare(answer.out.decode("utf-8", "replace")) if not answer.code else []

    def _far(self, request: Mapping[str, object]) -> list[dict[str, Any]]:
        answer = self._ask(scripts.answer(self.order.folder, self._tmp), json.dumps(request).encode("ascii"))
        if answer.code:
            raise Refusal(answer.err or f"exit {answer.code}")
        return [json.loads(line) for line in answer.out.splitlines()]

    def _ask(self, script: str, data: bytes = b"") -> Answer:
        if self._leaving.is_set():
            raise Gone
        answer = ask(self.launcher, script, data)
        self._heard()
        return answer

    def _heard(self) -> None:
        self._tries, self._since = 0, time.monotonic()
        self._standings.change(self.machine, heard=round(time.time(), 3))

    def _waits(self, why: str) -> bool:
        """Between two tries, each time longer and by chance, so that sixty hosts do not come back at one moment; False
        when patience is over."""
        self._tries += 1
        silent_s = time.monotonic() - self._since
        if silent_s >= self._journey.patience_s:
            self._standings.change(self.machine, state=State.GIVEN_UP, why=why)
            return False
        self._standings.change(self.machine, state=State.UNREACHABLE, why=f"try {self._tries}: {why}")
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self._tries - 1)) * random.uniform(0.7, 1.3)
        return not self._leaving.wait(min(pause_s, max(0.1, self._journey.patience_s - silent_s)))
