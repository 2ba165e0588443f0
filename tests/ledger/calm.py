"""What follows where nothing more goes wrong and no job ends: whoever has a free slot comes to have something for it,
as long as anything lies there that nobody has reserved.

The end may be reached from everywhere, and a host stand idle all the same until another one is through with its jobs.
"""

from __future__ import annotations

from ledger.model import NOW, SILENT, Case, Node, World, Wrong, aged, is_halted, settled, standing, stands, with_node
from ledger.model import copied as copied_host
from shareout.ledger.calls import Call
from shareout.ledger.entry import name_of

MOST_ANSWERS = 12
"""In a tick, of one host: each may want another call."""


def what_stands(case: Case, world: World) -> str:
    """Who stands idle beside what; empty: nobody. Of hosts that know nothing of their pace: others leave what is not
    worth an entry."""
    if case.rate or is_halted(world.asks):
        return ""
    try:
        world = _calmed(case, world._replace(nodes=tuple(map(_copied, world.nodes))))
    except Wrong as wrong:
        # On the way there, where a search by steps may not have come yet.
        return str(wrong)
    for node in world.nodes:
        if free := _stands_beside(case, node, world):
            return f"{node.owner} has a free slot while nothing happens, and {free} lies there"
    return ""


def _calmed(case: Case, world: World) -> World:
    # A doubt is put, seen, and stands for as long as it must; then come a cut, or a few.
    for _ in range(int(case.dead + case.slack) + 4):
        for number, node in enumerate(world.nodes):
            if not node.frozen:
                world = _turned(case, world, number)
        world = aged(case, world)
    return world


def _copied(node: Node) -> Node:
    """Who has thawed looks at the clocks."""
    host = copied_host(node.host)
    if node.jumped:
        host.lose_contact()
    return node._replace(host=host, jumped=False)


def _turned(case: Case, world: World, number: int) -> World:
    """All that it asks of the store is answered, the dead are known to be silent, and what it has in hand begins."""
    node = world.nodes[number]
    awake = [one.owner for one in world.nodes if not one.frozen]
    living = {*awake, *map(name_of, awake)}
    for lane in node.host.lanes.values():
        who = lane.entry.owner or lane.machine
        if who and who not in living:
            node.host.life[who] = NOW - SILENT
    own = [at for owner, at in world.recorded if owner == node.owner]
    for at in own:
        node.host.ended(at, at + 1, failed=case.fails(at))
    world = world._replace(recorded=world.recorded - {(node.owner, at) for at in own}, shipped=world.shipped | set(own))
    world = settled(case, world, number)
    for _ in range(MOST_ANSWERS):
        node = world.nodes[number]
        if not node.under_way:
            break
        call, *rest = node.under_way
        world = with_node(world, number, node._replace(under_way=tuple(rest)))
        world = standing(case, world, call)
        node.host.found(call, _at(world, call), NOW)
        node.host.last = NOW
        world = settled(case, world, number)
    node = world.nodes[number]
    room = case.slots - len(node.running)
    begin = [at for lane, at in node.hands if node.host.limit(lane) > NOW][: max(0, room)]
    hands = tuple(one for one in node.hands if one[1] not in begin)
    return with_node(world, number, node._replace(hands=hands, running=(*node.running, *begin)))


def _at(world: World, call: Call) -> object:
    entries = stands(world, call.lane)
    return entries[call.k] if call.k < len(entries) else None


def _stands_beside(case: Case, node: Node, world: World) -> list[str]:
    """Lanes of which something is free."""
    host = node.host
    if node.frozen or host.is_drained() or not (host.able and host.asking.may_work):
        return []
    if host.asking.wish or len(node.running) + len(node.hands) >= case.slots:
        return []
    newest = {name: world.lanes[name][-1] for name in host.lanes}
    return [f"{name}: {entry.res}-{entry.hi}" for name, entry in newest.items() if entry.res < entry.hi]
