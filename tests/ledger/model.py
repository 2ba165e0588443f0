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
from typing import NamedTuple

from shareout.ledger.calls import Call, Root
from shareout.ledger.choose import Pace
from shareout.ledger.entry import NOBODY, Entry, name_of, root_begins
from shareout.ledger.host import Host
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
        return made

    def size(self) -> int:
        return sum(count for _, count in self.shares)


class Node(NamedTuple):
    """A process: an incarnation of a machine."""

    owner: str
    host: Host
    under_way: tuple[Call, ...] = ()
    hands: tuple[tuple[str, int], ...] = ()
    """Lanes and positions that workers have and have not begun."""
    running: tuple[int, ...] = ()
    frozen: bool = False


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
    host = Host(owner, case.roots(), case.times(), lambda lane, k: f"{lane}:{k}{owner[0]}{owner[2]}")
    host.proved_dead(dead)
    world = world._replace(owners=(*world.owners, owner))
    if dead:
        own = {one for one in world.recorded if one[0] in dead}
        world = world._replace(recorded=world.recorded - own, shipped=world.shipped | {at for _, at in own})
    return settled(case, world._replace(nodes=(*world.nodes, Node(owner, host))), len(world.nodes))


def settled(case: Case, world: World, number: int) -> World:
    """After a host was told something it gives out what may be done, and says which calls it wants."""
    node = world.nodes[number]
    host = node.host
    # What was lost is taken out of the workers' hands; the limit has kept them from it already.
    hands = [one for one in node.hands if one[0] in host.lanes and host.lanes[one[0]].entry.owner == node.owner]
    while True:
        room = max(0, case.slots - len(node.running) - len(hands))
        host.wants(Pace(room, case.rate))
        grant = host.grant(case.batch, NOW) if room else None
        if grant is None:
            break
        for at in range(grant.start, grant.stop):
            if at in world.shipped:
                host.ended(at, at + 1, failed=fails(at))
            elif (node.owner, at) not in world.recorded:
                hands.append((grant.lane, at))
    calls = (*node.under_way, *host.calls(NOW))
    host.happened()
    if unknown := host.lanes.keys() - world.lanes.keys():
        raise Wrong(f"{node.owner} knows lanes that no entry has made: {unknown}")
    return with_node(world, number, node._replace(hands=tuple(hands), under_way=calls))


def fails(at: int) -> bool:
    """Each job has one outcome."""
    return at % 2 == 0


def with_node(world: World, number: int, node: Node | None) -> World:
    nodes = world.nodes[:number] + ((node,) if node else ()) + world.nodes[number + 1 :]
    return world._replace(nodes=nodes)


def steps(case: Case, world: World) -> Iterator[Step]:
    """All that may happen next, and what is then."""
    for number, node in enumerate(world.nodes):
        if not node.frozen:
            yield from _calls(case, world, number)
            yield from _jobs(case, world, number)
        yield from _fates(case, world, number)
        if not node.frozen:
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
    for name in Host.__slots__:
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
    yield what, _told(case, after, number, call, after.lanes[call.lane][call.k])
    if world.budget.lost:
        spent = world.budget._replace(lost=world.budget.lost - 1)
        yield f"{what}, answer lost", _unanswered(case, after._replace(budget=spent), number, call)
        if after is not world:
            yield f"{what}, refused", _unanswered(case, world._replace(budget=spent), number, call)


def called(node: Node) -> str:
    """In few letters."""
    machine, _, rest = node.owner.partition("/")
    return machine + rest[0]


def standing(case: Case, world: World, call: Call) -> World:
    """After a put has come through: it stands there where nothing stood."""
    entries = world.lanes[call.lane]
    entry = call.entry
    if len(entries) > call.k or entry is None:
        return world
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
        explained = frozenset(one for one in world.explained if one[1] in left)
        world = world._replace(started=world.started & left, explained=explained)
    return world


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
            entries = world.lanes[call.lane]
            found = entries[look.k] if look.k < len(entries) and look[:2] not in unseen else None
            world = _told(case, world, number, look, found)
            again = [one for one in world.nodes[number].under_way if one.lane == call.lane and one.entry is None]
            look = again[0] if found and again else None
    return world


def _told(case: Case, world: World, number: int, call: Call, found: Entry | None) -> World:
    world, node, host = _touched(world, number)
    world = with_node(world, number, node._replace(under_way=tuple(one for one in node.under_way if one is not call)))
    host.found(call, found, NOW)
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
        if node.host.limit(lane) > NOW:
            check_start(world, node, lane, at)
            hands = tuple(one for one in node.hands if one != (lane, at))
            after = world._replace(started=world.started | {at})
            yield (
                f"{name} starts {at}",
                with_node(after, number, node._replace(hands=hands, running=(*node.running, at))),
            )
    for at in node.running:
        after, now, host = _touched(world, number)
        after = with_node(after, number, now._replace(running=tuple(one for one in now.running if one != at)))
        if case.late:
            record = after._replace(recorded=after.recorded | {(node.owner, at)})
            yield f"{name} records {at}", settled(case, record, number)
        else:
            host.ended(at, at + 1, failed=fails(at))
            yield f"{name} ends {at}", settled(case, after._replace(shipped=after.shipped | {at}), number)
    if own := [one for one in world.recorded if one[0] == node.owner]:
        after, _, host = _touched(world, number)
        for _, at in sorted(own):
            host.ended(at, at + 1, failed=fails(at))
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
        after, now, host = _touched(world, number)
        host.lose_contact()
        yield f"{name} thaws", settled(case, with_node(after, number, now._replace(frozen=False)), number)
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
    nodes = []
    for node in world.nodes:
        if node.frozen:
            nodes.append(node)
            continue
        host = copied(node.host)
        host.lanes = {name: _older(case, lane) for name, lane in host.lanes.items()}
        if case.blind:
            host.last = _back(host.last, 3)
        calls = tuple(call._replace(at=_back(call.at, case.fence)) if case.fine else call for call in node.under_way)
        nodes.append(node._replace(host=host, under_way=calls))
    young = tuple((lane, k, age + 1) for lane, k, age in world.young if age < case.slack)
    world = world._replace(nodes=tuple(nodes), young=young)
    for number, node in enumerate(world.nodes):
        if not node.frozen:
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
    count = [0] * case.size()
    failed = 0
    for entries in world.lanes.values():
        newest = entries[-1]
        failed += newest.failed
        for at in range(newest.low, newest.hi):
            count[at] += 1
    for at, lanes in enumerate(count):
        if lanes > 1 or (lanes == 0 and at not in world.shipped):
            raise Wrong(f"position {at} is in {lanes} lanes and in {'a' if at in world.shipped else 'no'} journal")
    right = sum(fails(at) for at, lanes in enumerate(count) if lanes == 0)
    if failed != right:
        raise Wrong(f"{failed} failures are told, {right} were")


def check_start(world: World, node: Node, lane: str, at: int) -> None:
    """A position is started by whom the store gives it to, and a second time only where an entry says why."""
    newest = world.lanes[lane][-1]
    if (newest.owner != node.owner or not newest.low <= at < newest.res) and ("--now", at) not in world.explained:
        raise Wrong(f"{node.owner} starts {at} of lane {lane}, where {newest} stands")
    if {("", at), (node.owner, at)} & world.explained:
        return
    if at in world.started:
        raise Wrong(f"{node.owner} starts {at} once more, and nothing explains it")


def is_over(world: World) -> bool:
    """Every lane is final."""
    return all(entries[-1].is_final for entries in world.lanes.values())


def is_able(case: Case, world: World) -> bool:
    """Somebody is there, or will be, who can end it."""
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
        )
    )


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
        tuple(sorted(node.under_way)) if len(node.under_way) > 1 else node.under_way,
        tuple(sorted(host.lanes.items())),
        tuple(sorted([one for one in host.life.items() if one[1] != NOW and one[0] != node.owner])),
        tuple(sorted(host.asides.items())),
        tuple(sorted(host.released.items())),
        host.leaving,
        host.last,
    )
