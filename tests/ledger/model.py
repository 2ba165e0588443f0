"""A few hosts, what became of their jobs and the store that they share, as one value; and all that may happen next.

The hosts are the real ones. What is modelled is around them: a store whose looks may lag and whose answers may be
lost, crews that start and record jobs, journals that are shipped, processes that die, sleep, come back and are
suspected. Time
goes by ticks: after each the moments that a host remembers lie one tick further back, and it is always NOW.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

from shareout.ledger.asks.ask import ASKS, Ask, Stretch
from shareout.ledger.asks.asked import Asked, asked
from shareout.ledger.calls import Call, Root
from shareout.ledger.choose import Pace
from shareout.ledger.entry import NOBODY, Entry, name_of, root_begins
from shareout.ledger.host import Host
from shareout.ledger.knowing import Knowing, phases_of
from shareout.ledger.lane import Lane
from shareout.ledger.times import LONG_AGO, Times

NOW = 8.0
"""More than any age that counts: the numbers -1 and -2 have one hash, and so would states that differ by a tick."""
SILENT = 1000.0
"""Longer than any search: who is silent is an event."""


class Wrong(AssertionError):
    """A promise of the ledger is broken."""


class Budget(NamedTuple):
    """How often what may go wrong still may."""

    crashes: int = 0
    restarts: int = 0
    twins: int = 0
    """Starts of a machine that runs, or is not known to be dead."""
    lost: int = 0
    """Answers that do not come."""
    suspicions: int = 0
    """Of those who live."""
    leaves: int = 0
    asides: int = 0
    retries: int = 0
    """Jobs that should run elsewhere."""
    releases: int = 0
    at_once: int = 0
    """Releases `--now`, of anybody."""
    freezes: int = 0
    """Of a virtual machine."""
    requeues: int = 0
    """Of any position that is over; each is asked for by one who looks at the store."""
    skips: int = 0
    """Of any position."""
    drains: int = 0
    halts: int = 0
    resumes: int = 0
    rests: int = 0


class Case(NamedTuple):
    """What a search begins with."""

    name: str
    shares: tuple[tuple[str, int], ...]
    """Machines, and how many positions each has by plan."""
    present: str
    """Of these one process runs at the start."""
    budget: Budget
    dead: float = 3
    fence: float = 2
    slack: float = 0
    rate: float = 0
    """What hosts think of their pace: with 1 they reserve two positions at a time."""
    batch: int = 1
    """Positions that a worker is given at a time."""
    slots: int = 1
    jumbled: bool = False
    """A worker begins what it was given in any order."""
    late: bool = False
    """Journals are shipped later than written."""
    quick: bool = False
    """Searched by each `make test`."""
    fine: bool = False
    """Each look is made by itself, and may have been asked for a while ago; else all that are due are made at once."""
    blind: bool = False
    """A host knows for how long it could not look."""
    second: tuple[int, ...] = ()
    """How many positions each machine has in a second phase."""
    check: bool = False
    """Which begins only where nothing of the first has failed."""

    def times(self) -> Times:
        return Times(
            dead=self.dead,
            fence=self.fence,
            slack=self.slack,
            probe=1,
            stroll=math.inf,
            silent=SILENT,
            again=math.inf,
            retry=0,
        )

    def roots(self) -> list[Root]:
        made, low = [], 0
        for number, (machine, count) in enumerate(self.shares):
            made.append(Root(f"{number}.0", machine, 0, low, low + count))
            low += count
        for number, ((machine, _), count) in enumerate(zip(self.shares, self.second, strict=False)):
            made.append(Root(f"{number}.1", machine, 1, low, low + count))
            low += count
        return made

    def size(self) -> int:
        return sum(count for _, count in self.shares) + sum(self.second)

    def fails(self, at: int) -> bool:
        """Each job has one outcome, but for what is asked for once more: that ends well."""
        return at < self.size() and at % 2 == 0

    def checks(self) -> frozenset[int]:
        return frozenset([1] if self.check else [])

    def asked(self, asks: tuple[Ask, ...]) -> Asked:
        """What these have come to."""
        return _asked(self, asks)


@cache
def _asked(case: Case, asks: tuple[Ask, ...]) -> Asked:
    phases = phases_of(case.roots(), case.checks())
    return asked(_asked(case, asks[:-1]), asks[-1], phases) if asks else Asked()


class Node(NamedTuple):
    """A process: an incarnation of a machine."""

    owner: str
    host: Host
    under_way: tuple[Call, ...] = ()
    hands: tuple[tuple[str, int], ...] = ()
    """Lanes and positions that workers have and have not begun."""
    running: tuple[int, ...] = ()
    frozen: bool = False
    came: int = 0
    """After so many asks."""
    jumped: bool = False
    """It has thawed, and its crew has not looked at the clocks yet: workers look before each job."""


class World(NamedTuple):
    """All of it."""

    nodes: tuple[Node, ...]
    lanes: dict[str, tuple[Entry, ...]]
    """What stands in the store; first the state that the lane begins with."""
    young: tuple[tuple[str, int, int], ...]
    """Lane, k and age of what a look may not see yet."""
    recorded: frozenset[tuple[str, int]]
    """In the journal of an incarnation, and not in the store."""
    shipped: frozenset[int]
    """In a journal in the store."""
    started: frozenset[int]
    """And in a lane that is not final."""
    explained: frozenset[tuple[str, int]]
    """By whom a position may be started once more; by "" anybody."""
    strays: tuple[Call, ...]
    """Puts of the dead that may still come through."""
    budget: Budget
    owners: tuple[str, ...]
    """All incarnations that there were."""
    asks: tuple[Ask, ...] = ()
    spared: frozenset[int] = frozenset()
    """Recorded as skipped."""


Step = tuple[str, World]


def begin(case: Case) -> World:
    """Nobody has done anything."""
    world = World(
        nodes=(),
        lanes={root.lane: (root_begins(root.low, root.hi),) for root in case.roots() if root.low < root.hi},
        young=(),
        recorded=frozenset(),
        shipped=frozenset(),
        started=frozenset(),
        explained=frozenset(),
        strays=(),
        budget=case.budget,
        owners=(),
    )
    for machine in case.present:
        world = started(case, world, machine, ())
    return world


def started(case: Case, world: World, machine: str, dead: tuple[str, ...]) -> World:
    """A new incarnation. What is proved dead has its journals shipped first."""
    owner = f"{machine}/{len(world.owners) + 1}-nonc"
    host = Host(owner, case.roots(), case.times(), lambda lane, k: f"{lane}:{k}{owner[0]}{owner[2]}", case.checks())
    host.proved_dead(dead)
    world = world._replace(owners=(*world.owners, owner))
    if dead:
        own = {one for one in world.recorded if one[0] in dead}
        world = world._replace(recorded=world.recorded - own, shipped=world.shipped | {at for _, at in own})
    return settled(
        case, world._replace(nodes=(*world.nodes, Node(owner, host, came=len(world.asks)))), len(world.nodes)
    )


def settled(case: Case, world: World, number: int) -> World:
    """After a host was told something it gives out what may be done, and says which calls it wants."""
    node = world.nodes[number]
    host = node.host
    # What was lost is taken out of the workers' hands; the limit has kept them from it already.
    hands = [one for one in node.hands if one[0] in host.lanes and host.lanes[one[0]].entry.owner == node.owner]
    while True:
        room = max(0, case.slots - len(node.running) - len(hands))
        host.wants(Pace(room, case.rate, is_stuck=room <= 0))
        grant = host.grant(case.batch, NOW) if room else None
        if grant is None:
            break
        if any(grant.start <= at < grant.stop for at in node.running):
            # It was taken from this host, and has come back while it runs here all the while: its end is waited for.
            if not any(("", at) in world.explained for at in range(grant.start, grant.stop)):
                raise Wrong(f"{node.owner} hands out {grant.start} of {grant.lane}, which it has in hand")
            host.give_back(grant.start, grant.stop)
            break
        for at in range(grant.start, grant.stop):
            if at in world.shipped:
                host.ended(at, at + 1, failed=case.fails(at) and at not in world.spared)
            elif is_skipped(case, host, at):
                host.ended(at, at + 1, failed=False)
                world = world._replace(shipped=world.shipped | {at}, spared=world.spared | {at})
            elif (node.owner, at) not in world.recorded:
                hands.append((grant.lane, at))
    calls = (*node.under_way, *host.calls(NOW))
    host.happened()
    if unknown := host.lanes.keys() - world.lanes.keys():
        raise Wrong(f"{node.owner} knows lanes that no entry has made: {unknown}")
    return with_node(world, number, node._replace(hands=tuple(hands), under_way=calls))


def is_skipped(case: Case, host: Host, at: int) -> bool:
    """Whether nobody is to run what stands at this place, as far as this host knows."""
    state = host.asking.state
    return any(start <= real_of(case, state, at)[0] < stop for start, stop in state.skipped)


def real_of(case: Case, state: Asked, at: int) -> Stretch:
    """The position that stands at a place, and how often it was tried before it was asked for once more."""
    lane = next((one for one in state.again if one.low <= at < one.hi), None)
    return next(lane.real(at, at + 1)) if lane else Stretch(at, at + 1)


def with_node(world: World, number: int, node: Node | None) -> World:
    nodes = world.nodes[:number] + ((node,) if node else ()) + world.nodes[number + 1 :]
    return world._replace(nodes=nodes)


def steps(case: Case, world: World) -> Iterator[Step]:
    """All that may happen next, and what is then."""
    for number, node in enumerate(world.nodes):
        if not node.frozen:
            if not node.jumped:
                yield from _calls(case, world, number)
            yield from _jobs(case, world, number)
        yield from _fates(case, world, number)
        if not node.frozen and not node.jumped:
            yield from _people(case, world, number)
    for stray in world.strays:
        rest = tuple(one for one in world.strays if one is not stray)
        yield f"late {stray.lane}/{stray.k}", standing(case, world._replace(strays=rest), stray)
    yield from _starts(case, world)
    ticked = _tick(case, world)
    yield "tick", ticked


def _touched(world: World, number: int) -> tuple[World, Node, Host]:
    """With a copy of that host, which may be told something."""
    node = world.nodes[number]
    host = copied(node.host)
    node = node._replace(host=host)
    return with_node(world, number, node), node, host


def copied(host: Host) -> Host:
    made = object.__new__(Host)
    for name in Knowing.__slots__:
        value = getattr(host, name)
        setattr(made, name, value.copy() if type(value) in (dict, list) else value)
    return made


# Calls of the store


def _calls(case: Case, world: World, number: int) -> Iterator[Step]:
    node = world.nodes[number]
    name, looks = called(node), [call for call in node.under_way if call.entry is None]
    for call in node.under_way:
        if call.entry:
            yield from _puts(case, world, number, call)
    for some in [[look] for look in looks] if case.fine else [looks] if looks else []:
        what = f"{name} looks{f' at {some[0].lane}/{some[0].k}' * case.fine}"
        yield what, _looked(case, world, number, some, {})
        if unseen := {one[:2] for one in world.young} & {call[:2] for call in some}:
            yield f"{what}, stale", _looked(case, world, number, some, unseen)


def _puts(case: Case, world: World, number: int, call: Call) -> Iterator[Step]:
    assert call.entry
    what = f"{called(world.nodes[number])} puts {call.entry.verb} at {call.lane}/{call.k}"
    after = standing(case, world, call)
    yield what, _told(case, after, number, call, stands(after, call.lane)[call.k])
    if world.budget.lost:
        spent = world.budget._replace(lost=world.budget.lost - 1)
        yield f"{what}, answer lost", _unanswered(case, after._replace(budget=spent), number, call)
        if after is not world:
            yield f"{what}, refused", _unanswered(case, world._replace(budget=spent), number, call)


def called(node: Node) -> str:
    """In few letters."""
    machine, _, rest = node.owner.partition("/")
    return machine + rest[0]


def stands(world: World, lane: str) -> tuple[Any, ...]:
    """What stands in the store of a lane, or of the asks; first what it begins with."""
    return (None, *world.asks) if lane == ASKS else world.lanes[lane]


def standing(case: Case, world: World, call: Call) -> World:
    """After a put has come through: it stands there where nothing stood."""
    entries = stands(world, call.lane)
    entry = call.entry
    if len(entries) > call.k or entry is None:
        return world
    if isinstance(entry, Ask):
        return asking(case, world, entry)
    if len(entries) < call.k:
        raise Wrong(f"put at {call.k} of {call.lane}, where {len(entries) - 1} is the newest")
    lanes = {**world.lanes, call.lane: (*entries, entry)}
    check_change(entries[-1], entry)
    if entry.kid:
        lanes[entry.nonce] = (entry.kid_begins(),)
    young = (*world.young, (call.lane, call.k, 0)) if case.slack else ()
    world = world._replace(lanes=lanes, young=young, explained=world.explained | explains(world, entries[-1], entry))
    check_lanes(case, world)
    if entry.low > entries[-1].low:
        # Nobody can start it any more: who had it tells states apart that are alike.
        left = {at for one in lanes.values() for at in range(one[-1].low, one[-1].hi)}
        explained = frozenset(one for one in world.explained if one[1] in left or one[0] == "--now")
        world = world._replace(started=world.started & left, explained=explained)
    return world


def asking(case: Case, world: World, ask: Ask) -> World:
    """After one more ask."""
    before = case.asked(world.asks)
    check_ask(case, world, before, ask)
    after = case.asked((*world.asks, ask))
    lanes = {one.lane: (root_begins(one.low, one.hi),) for one in after.made_since(before)}
    young = (*world.young, (ASKS, len(world.asks) + 1, 0)) if case.slack else ()
    return world._replace(asks=(*world.asks, ask), lanes={**world.lanes, **lanes}, young=young)


def explains(world: World, before: Entry, entry: Entry) -> set[tuple[str, int]]:
    """Who may start what once more by this entry."""
    kid = range(entry.kid[0], entry.kid[2]) if entry.kid else range(0)
    is_nobodys = entry.kid is not None and entry.kid[0] == entry.kid[1]
    if entry.verb == "seize":
        return {(who, at) for who in ("", "--now")[: 1 + is_nobodys] for at in kid}
    if entry.verb == "aside" and is_nobodys:
        # What the owner has given up, and not what it runs.
        return {("", at) for at in kid if not any(at in node.running for node in world.nodes)}
    if entry.verb == "open" and before.owner != NOBODY:
        return {(entry.by, at) for at in range(entry.low, entry.hi)}
    return set()


def _looked(case: Case, world: World, number: int, calls: list[Call], unseen: Container[tuple[str, int]]) -> World:
    """On each lane it goes on while it finds something: what lies between is of no use to anybody."""
    for call in calls:
        look: Call | None = call
        while look:
            entries = stands(world, call.lane)
            found = entries[look.k] if look.k < len(entries) and look[:2] not in unseen else None
            world = _told(case, world, number, look, found)
            again = [one for one in world.nodes[number].under_way if one.lane == call.lane and one.entry is None]
            look = again[0] if found and again else None
    return world


def _told(case: Case, world: World, number: int, call: Call, found: Entry | Ask | None) -> World:
    world, node, host = _touched(world, number)
    world = with_node(world, number, node._replace(under_way=tuple(one for one in node.under_way if one is not call)))
    wish = host.asking.wish
    host.found(call, found, NOW)
    if wish and host.asking.wish is None and all(ask.verb != "halt" for ask in world.asks):
        raise Wrong(f"{node.owner} would halt all, and says so no more")
    if not case.blind:
        host.last = NOW
    return settled(case, world, number)


def _unanswered(case: Case, world: World, number: int, call: Call) -> World:
    world, node, host = _touched(world, number)
    world = with_node(world, number, node._replace(under_way=tuple(one for one in node.under_way if one is not call)))
    host.lost(call, NOW)
    return settled(case, world, number)


# Jobs


def _jobs(case: Case, world: World, number: int) -> Iterator[Step]:
    node = world.nodes[number]
    name = called(node)
    for lane, at in node.hands[: 9 if case.jumbled else 1] if len(node.running) < case.slots else ():
        if node.host.limit(lane) > NOW and not node.jumped:
            if node.host.resting:
                raise Wrong(f"{node.owner} starts {at}, and rests")
            check_start(case, world, node, lane, at)
            hands = tuple(one for one in node.hands if one != (lane, at))
            after = world._replace(started=world.started | {at})
            yield (
                f"{name} starts {at}",
                with_node(after, number, node._replace(hands=hands, running=(*node.running, at))),
            )
    if node.jumped:
        # What has ended is looked at by the crew, which looks at the clocks first.
        return
    for at in node.running:
        after, now, host = _touched(world, number)
        after = with_node(after, number, now._replace(running=tuple(one for one in now.running if one != at)))
        if case.late:
            record = after._replace(recorded=after.recorded | {(node.owner, at)})
            yield f"{name} records {at}", settled(case, record, number)
        else:
            host.ended(at, at + 1, failed=case.fails(at))
            yield f"{name} ends {at}", settled(case, after._replace(shipped=after.shipped | {at}), number)
    if own := [one for one in world.recorded if one[0] == node.owner]:
        after, _, host = _touched(world, number)
        for _, at in sorted(own):
            host.ended(at, at + 1, failed=case.fails(at))
        after = after._replace(recorded=after.recorded - set(own), shipped=after.shipped | {at for _, at in own})
        yield f"{name} ships", settled(case, after, number)


# What becomes of processes


def _fates(case: Case, world: World, number: int) -> Iterator[Step]:
    node, budget = world.nodes[number], world.budget
    name = called(node)
    if budget.crashes:
        spent = world._replace(budget=budget._replace(crashes=budget.crashes - 1))
        puts = tuple(call for call in node.under_way if call.entry)
        yield f"{name} dies", with_node(spent, number, None)
        if puts:
            yield f"{name} dies, puts on the way", with_node(spent._replace(strays=world.strays + puts), number, None)
    if node.frozen:
        yield f"{name} thaws", with_node(world, number, node._replace(frozen=False, jumped=True))
    elif node.jumped:
        after, now, host = _touched(world, number)
        host.lose_contact()
        yield f"{name} looks at the clocks", settled(case, with_node(after, number, now._replace(jumped=False)), number)
    elif budget.freezes:
        spent = world._replace(budget=budget._replace(freezes=budget.freezes - 1))
        yield f"{name} freezes", with_node(spent, number, node._replace(frozen=True))
    if node.host.leaving and not node.running and node.host.has_left():
        yield f"{name} goes", with_node(world, number, None)


def _starts(case: Case, world: World) -> Iterator[Step]:
    budget, alive = world.budget, {name_of(node.owner) for node in world.nodes}
    for machine, _ in case.shares:
        earlier = tuple(owner for owner in world.owners if name_of(owner) == machine)
        if budget.restarts and machine not in alive:
            spent = world._replace(budget=budget._replace(restarts=budget.restarts - 1))
            yield f"{machine} starts", started(case, spent, machine, earlier)
        if budget.twins and earlier:
            spent = world._replace(budget=budget._replace(twins=budget.twins - 1))
            yield f"{machine} starts elsewhere", started(case, spent, machine, ())


# People, and what jobs ask for


def _people(case: Case, world: World, number: int) -> Iterator[Step]:
    node, budget = world.nodes[number], world.budget
    name = called(node)
    yield from _suspicions(case, world, number)
    yield from _asks(case, world, number)
    if budget.leaves and not node.host.leaving:
        after, now, host = _touched(world._replace(budget=budget._replace(leaves=budget.leaves - 1)), number)
        host.leave()
        for _, at in now.hands:
            host.give_back(at, at + 1)
        yield f"{name} leaves", settled(case, with_node(after, number, now._replace(hands=())), number)
    for at in node.running:
        if budget.asides:
            after, _, host = _touched(world._replace(budget=budget._replace(asides=budget.asides - 1)), number)
            host.aside(at)
            yield f"{name} puts {at} aside", settled(case, after, number)
        if budget.retries:
            after, now, host = _touched(world._replace(budget=budget._replace(retries=budget.retries - 1)), number)
            host.give_back(at, at + 1)
            host.aside(at, elsewhere=True)
            after = with_node(after, number, now._replace(running=tuple(one for one in now.running if one != at)))
            yield f"{name} gives {at} to others", settled(case, after, number)
    if budget.releases or budget.at_once:
        for machine, _ in case.shares:
            owners = [lane.entry.owner for lane in node.host.lanes.values()]
            if machine != name_of(node.owner) and machine in map(name_of, owners):
                yield from _releases(case, world, number, machine)


def _asks(case: Case, world: World, number: int) -> Iterator[Step]:
    """What a person asks of all hosts, by what stands in the store; halts are put by hosts."""
    node, budget = world.nodes[number], world.budget
    name, state = called(node), case.asked(world.asks)
    if budget.halts and node.host.asking.wish is None:
        after, now, host = _touched(world._replace(budget=budget._replace(halts=budget.halts - 1)), number)
        host.say(Ask("halt", now.owner, "halt"))
        yield f"{name} would halt all", settled(case, after, number)
    if budget.rests and not node.host.leaving:
        after, now, host = _touched(world._replace(budget=budget._replace(rests=budget.rests - 1)), number)
        host.rest(True)
        for _, at in now.hands:
            host.give_back(at, at + 1)
        yield f"{name} rests", settled(case, with_node(after, number, now._replace(hands=())), number)
    if node.host.resting:
        after, _, host = _touched(world, number)
        host.rest(False)
        yield f"{name} rests no longer", settled(case, after, number)
        after, _, host = _touched(world, number)
        host.leave()
        yield f"{name} has rested and leaves", settled(case, after, number)
    if node.host.is_drained() and not node.host.leaving:
        after, now, host = _touched(world, number)
        host.leave()
        for _, at in now.hands:
            host.give_back(at, at + 1)
        yield f"{name} goes as it was asked", settled(case, with_node(after, number, now._replace(hands=())), number)
    if number:
        return
    if budget.drains:
        spent = world._replace(budget=budget._replace(drains=budget.drains - 1))
        for one in world.nodes:
            yield f"drain {called(one)}", asking(case, spent, Ask("drain", "ann", "drain", whom=one.owner))
    if budget.resumes and state.halt:
        spent = world._replace(budget=budget._replace(resumes=budget.resumes - 1))
        yield "resume", asking(case, spent, Ask("resume", "ann", "resume"))
    left = {at for entries in world.lanes.values() for at in range(entries[-1].low, entries[-1].hi)}
    for at in range(case.size()):
        was = max((one.tries for one in state.cleared if one.start <= at < one.stop), default=0)
        again = [
            place for one in state.again for place in range(one.low, one.hi) if real_of(case, state, place)[0] == at
        ]
        is_over = at in world.shipped and not left & {at, *again}
        one = Stretch(
            at,
            at + 1,
            was + 1 if is_over else 0,
            int(is_over and not again and case.fails(at) and at not in world.spared),
        )
        if budget.requeues and is_over:
            spent = world._replace(budget=budget._replace(requeues=budget.requeues - 1))
            ask = Ask("requeue", "ann", "again", jobs=1, stretches=(one,))
            yield f"requeue {at}", asking(case, spent, ask)
            if was == 0 and budget.requeues > 1:
                # Two who have seen the same list.
                spent = world._replace(budget=budget._replace(requeues=budget.requeues - 2))
                yield f"requeue {at}, twice", asking(case, asking(case, spent, ask), ask)
        if budget.skips and not (is_over and not one.failed):
            spent = world._replace(budget=budget._replace(skips=budget.skips - 1))
            yield f"skip {at}", asking(case, spent, Ask("skip", "ann", "skip", jobs=1, stretches=(one,)))


def _releases(case: Case, world: World, number: int, machine: str) -> Iterator[Step]:
    budget = world.budget
    for at_once, left in ((False, budget.releases), (True, budget.at_once)):
        if left:
            spent = budget._replace(at_once=left - 1) if at_once else budget._replace(releases=left - 1)
            after, _, host = _touched(world._replace(budget=spent), number)
            host.release(machine, at_once=at_once)
            yield f"release {machine}{' --now' * at_once}", settled(case, after, number)


def _suspicions(case: Case, world: World, number: int) -> Iterator[Step]:
    node = world.nodes[number]
    if not node.host.able:
        return
    living = {one.owner for one in world.nodes} | {name_of(one.owner) for one in world.nodes}
    for who in {lane.entry.owner or lane.machine for lane in node.host.lanes.values()} - {"", node.owner}:
        if node.host.life.get(who, LONG_AGO) <= NOW - SILENT or who == name_of(node.owner):
            continue
        if who not in living or world.budget.suspicions:
            false = who in living
            spent = world.budget._replace(suspicions=world.budget.suspicions - false)
            after, _, host = _touched(world._replace(budget=spent), number)
            host.life[who] = NOW - SILENT
            yield f"{called(node)} hears nothing of {who}", settled(case, after, number)


# Time


def _tick(case: Case, world: World) -> World:
    nodes = tuple(node if node.frozen else node._replace(host=copied(node.host)) for node in world.nodes)
    return aged(case, world._replace(nodes=nodes))


def aged(case: Case, world: World) -> World:
    """A tick later, by the hosts themselves and not by copies of them."""
    nodes = []
    for node in world.nodes:
        if node.frozen:
            nodes.append(node)
            continue
        host = node.host
        host.lanes = {name: _older(case, lane) for name, lane in host.lanes.items()}
        host.asking = host.asking._replace(looked=_back(host.asking.looked, 1))
        if case.blind:
            host.last = _back(host.last, 3)
        calls = tuple(call._replace(at=_back(call.at, case.fence)) if case.fine else call for call in node.under_way)
        nodes.append(node._replace(host=host, under_way=calls))
    young = tuple((lane, k, age + 1) for lane, k, age in world.young if age < case.slack)
    world = world._replace(nodes=tuple(nodes), young=young)
    for number, node in enumerate(world.nodes):
        if not node.frozen and not node.jumped:
            world = settled(case, world, number)
    return world


def _back(moment: float, most: float) -> float:
    """A tick later; what lies far enough back is all alike."""
    return moment - 1 if moment - 1 > NOW - most else LONG_AGO


LASTING: dict[str, Callable[[Case], float]] = {
    "looked": lambda case: 1,
    "since": lambda case: case.dead,
    "asked": lambda case: 0,
    "due": lambda case: 0,
    "tried": lambda case: case.fence,
    "contact": lambda case: case.fence,
}
"""For how long the moments that a host remembers of a lane tell states apart."""


def _older(case: Case, lane: Lane) -> Lane:
    return lane._replace(**{name: _back(getattr(lane, name), most(case)) for name, most in LASTING.items()})


# Promises


def check_change(before: Entry, entry: Entry) -> None:
    """What the table of verbs says, once more and in other words."""
    if before.is_final or before.verb == "seize":
        raise Wrong(f"{entry} after the last, {before}")
    kid = entry.kid
    whole = sorted([(entry.low, entry.hi), *([(kid[0], kid[2])] if kid else [])])
    if whole[-1][1] != before.hi or whole[0][0] < before.low or any(a[1] > b[0] for a, b in pairwise(whole)):
        raise Wrong(f"{entry} does not have all of {before}")
    if entry.verb == "open":
        if before.owner != NOBODY and name_of(before.owner) != name_of(entry.by):
            raise Wrong(f"{entry} opens another's")
    elif entry.verb != "seize" and entry.by != before.owner:
        if (entry.low, entry.res, entry.owner) != (before.low, before.res, before.owner) or entry.hi < before.res:
            raise Wrong(f"{entry} takes what {before} has")
        if before.doubt not in ("", entry.doubt):
            raise Wrong(f"{entry} forgets a doubt, or doubts once more")
        if entry.verb == "cut" and kid and kid[0] == kid[1]:
            raise Wrong(f"{entry} cuts and reserves nothing")


def check_lanes(case: Case, world: World) -> None:
    """What is not final is in one lane, and all else in a journal in the store."""
    count = [0] * (case.size() + case.asked(world.asks).added)
    failed = 0
    for entries in world.lanes.values():
        newest = entries[-1]
        failed += newest.failed
        if newest.hi > len(count):
            raise Wrong(f"{newest} has positions that no job has")
        for at in range(newest.low, newest.hi):
            count[at] += 1
    for at, lanes in enumerate(count):
        if lanes > 1 or (lanes == 0 and at not in world.shipped):
            raise Wrong(f"position {at} is in {lanes} lanes and in {'a' if at in world.shipped else 'no'} journal")
    right = sum(case.fails(at) and at not in world.spared for at, lanes in enumerate(count) if lanes == 0)
    if failed != right:
        raise Wrong(f"{failed} failures are told, {right} were")


def check_ask(case: Case, world: World, before: Asked, ask: Ask) -> None:
    """What is called over is over, and so many of it have failed as is said."""
    newest = {name: entries[-1] for name, entries in world.lanes.items()}
    phase_of = {root.lane: root.phase for root in [*case.roots(), *(one.root() for one in before.again)]}
    if ask.verb in ("phase", "end"):
        roots = {name: first_of(name) for name in newest}
        of = {name for name, root in roots.items() if ask.verb == "end" or phase_of[root] == ask.phase}
        if left := [name for name in of if not newest[name].is_final]:
            raise Wrong(f"{ask} stands, and something is left of {left}")
        failed = sum(newest[name].failed for name in of)
        cleared = sum(
            one.failed for one in before.cleared if not case.second or one.start < case.size() - sum(case.second)
        )
        if ask.verb == "phase" and ask.failed != failed - cleared:
            raise Wrong(f"{ask} stands, and {failed - cleared} have failed")
        if ask.verb == "end" and before.phase != max(phase_of.values(), default=0):
            raise Wrong(f"{ask} stands in phase {before.phase}")


def first_of(lane: str) -> str:
    """The root that a lane is a part of."""
    parent, _ = made_by(lane)
    return first_of(parent) if parent else lane


def is_halted(asks: tuple[Ask, ...]) -> bool:
    """And nobody has resumed it."""
    said = [ask.verb for ask in asks if ask.verb in ("halt", "resume")]
    return said[-1:] == ["halt"]


def check_asked(case: Case, world: World, node: Node, at: int) -> None:
    """Nothing begins before its phase, after the end, or in a run that stood still when its host came."""
    state, came = case.asked(world.asks), case.asked(world.asks[: node.came])
    if is_halted(world.asks[: node.came]) and is_halted(world.asks):
        raise Wrong(f"{node.owner} starts {at}, and the run is halted")
    if state.is_ended:
        raise Wrong(f"{node.owner} starts {at}, and the run is over")
    if came.skipped and any(start <= at < stop for start, stop in came.skipped):
        raise Wrong(f"{node.owner} starts {at}, which was skipped before it came")
    border = case.size() - sum(case.second)
    if border <= at < case.size():
        if left := set(range(border)) - world.shipped:
            raise Wrong(f"{node.owner} starts {at} of the second phase, and {left} of the first are left")
        cleared = {one for part in state.cleared for one in range(part.start, part.stop)}
        if case.check and any(
            case.fails(one) and one not in cleared and one not in world.spared for one in range(border)
        ):
            raise Wrong(f"{node.owner} starts {at} behind a barrier with CHECK, and some before it have failed")
    if at >= case.size():
        real = real_of(case, state, at)
        twins = [one for one in world.started if one >= case.size() and one != at and real_of(case, state, one) == real]
        if twins:
            raise Wrong(f"{node.owner} starts {real} once more, which was asked for once")


def check_start(case: Case, world: World, node: Node, lane: str, at: int) -> None:
    """A position is started by whom the store gives it to, and a second time only where an entry says why."""
    check_asked(case, world, node, at)
    newest = world.lanes[lane][-1]
    if at in node.running:
        raise Wrong(f"{node.owner} starts {at} of lane {lane} while it runs there")
    if (newest.owner != node.owner or not newest.low <= at < newest.res) and ("--now", at) not in world.explained:
        raise Wrong(f"{node.owner} starts {at} of lane {lane}, where {newest} stands")
    if {("", at), (node.owner, at)} & world.explained:
        return
    if at in world.started:
        raise Wrong(f"{node.owner} starts {at} once more, and nothing explains it")


def is_over(case: Case, world: World) -> bool:
    """Every lane is final, and that was said where anybody is left to say it."""
    if not all(entries[-1].is_final for entries in world.lanes.values()):
        return False
    return case.asked(world.asks).is_ended or not world.nodes


def is_able(case: Case, world: World) -> bool:
    """Somebody is there, or will be, who can end it."""
    told = [ask for ask in world.asks if ask.verb in ("phase", "requeue", "skip")]
    if is_halted(world.asks) or (case.check and told and told[-1].verb == "phase" and told[-1].failed):
        return False
    if any(node.host.asking.wish for node in world.nodes):
        # Which is to be halted.
        return False
    return world.budget.restarts > 0 or any(node.host.able for node in world.nodes)


# States that are alike


def key(world: World) -> int:
    """A number that is the same for states that nothing tells apart (and, once in many lives, for others)."""
    comes = world.budget.restarts or world.budget.twins
    return hash(
        (
            tuple(map(_key_of_node, world.nodes)),
            tuple(sorted(world.lanes.items()) if comes else _still_read(world)),
            world.young,
            world.recorded,
            world.shipped,
            world.started,
            world.explained,
            world.strays,
            world.budget,
            world.asks,
            world.spared,
            tuple(node.came for node in world.nodes) if case_matters(world) else (),
        )
    )


def case_matters(world: World) -> bool:
    """Whether it tells states apart after which ask a process came."""
    return any(ask.verb in ("halt", "skip") for ask in world.asks)


def _still_read(world: World) -> Iterator[tuple[object, ...]]:
    """Of each lane what some host has not read yet, and the newest."""
    for name, entries in world.lanes.items():
        read = min((_read(node.host, name) for node in world.nodes), default=len(entries))
        if read < len(entries):
            yield name, len(entries), entries[read:]


def _read(host: Host, name: str) -> int:
    """The k up to which a host has read; one that has seen the last entry knows nothing of the lane any more."""
    if (lane := host.lanes.get(name)) is not None:
        return lane.k
    parent, k = made_by(name)
    n, _, kind = name.partition(".")
    if not parent and (
        name in [root.lane for root in host.later] or (kind.endswith("again") and int(n) > host.asking.state.n)
    ):
        return 0
    return BEYOND if not parent or _read(host, parent) >= k else 0


@cache
def made_by(name: str) -> tuple[str, int]:
    """The lane and the k that a lane was made at: that is what it is called by here."""
    parent, _, rest = name.rpartition(":")
    return parent, int(rest[:-2]) if parent else 0


BEYOND = 1 << 30


def _key_of_node(node: Node) -> tuple[object, ...]:
    host = node.host
    return (
        node.owner,
        node.hands,
        node.running,
        node.frozen,
        node.jumped,
        tuple(sorted(node.under_way)) if len(node.under_way) > 1 else node.under_way,
        tuple(sorted(host.lanes.items())),
        tuple(sorted([one for one in host.life.items() if one[1] != NOW and one[0] != node.owner])),
        tuple(sorted(host.asides.items())),
        tuple(sorted(host.released.items())),
        host.leaving,
        host.resting,
        host.last,
        host.asking,
    )
