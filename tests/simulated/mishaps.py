"""What comes to a host, as its faults say: deaths, signals, refusals, a power cut, somebody who starts it twice."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from shareout.record.folder import is_journal
from simulated.plans import Fault
from simulated.system.handles import FileOpened
from simulated.system.kernel import Process

if TYPE_CHECKING:
    from simulated.host import Host

SPREADS = (1e-4, 0.1, 0.9)
"""Whoever signals all of a run takes at most so long."""


def befall(host: Host, fault: Fault, tree: str) -> None:
    """It comes when its step has come; of kinds that hold all the time, at once."""
    kernel, disk, step = host.kernel, host.disk, host.kernel.steps + fault.step

    def comes(action: Callable[[], None]) -> None:
        kernel.fault_at(step, lambda: _noted(host, fault, action))

    match fault.kind:
        case "kill":
            comes(lambda: _kill(host, tree, fault.word))
        case "signal":
            comes(lambda: _signal(host, tree, fault))
        case "reset":
            comes(lambda: _reset(host, tree))
        case "cut":
            comes(host.cut_power)
        case "room":
            disk.room = fault.number
        case "eio":
            disk.refusals.setdefault(fault.word, []).append(fault.number)
        case "short":
            host.calls.short = fault.seconds
            if fault.word:
                host.calls.on_short = lambda opened: _die_in_it(host, tree, opened)
        case "clock":
            comes(lambda: _set_clock(host, fault.seconds))
        case "slow":
            disk.sync_s = lambda: host.random.random() * fault.seconds
            host.slow = max(host.slow, fault.seconds)
        case "twice":
            comes(lambda: _start_twice(host, tree))
        case "hold":
            comes(lambda: _hold(host, tree, fault))
        case "reuse":
            kernel.reuse = 0.9


def _noted(host: Host, fault: Fault, action: Callable[[], None]) -> None:
    """Where the run was as it came."""
    host.seen[f"{fault.kind} {fault.word}".rstrip() + f" while {host.state}"] += 1
    action()


def _mine(host: Host, tree: str) -> list[Process]:
    return [one for one in host.kernel.living() if one.tree == tree]


def _pick(host: Host, tree: str, role: str) -> Process | None:
    found = [one for one in _mine(host, tree) if role in ("any", one.role)]
    return host.random.choice(found) if found else None


def rot(host: Host, fault: Fault) -> None:
    """Between two starts the disk loses some bytes of the longest journal, none of its header."""
    inode = max(host.journals(), key=lambda one: len(one.data), default=None)
    lines = bytes(inode.data).split(b"\n", 2) if inode is not None else []
    body = len(lines[0]) + len(lines[1]) + 2 if len(lines) == 3 else 0
    if inode is not None and body and len(inode.data) > body:
        at = body + int(fault.seconds * (len(inode.data) - body))
        size = min(fault.number, len(inode.data) - at)
        inode.data[at : at + size] = bytes(size)
        inode.safe = inode.safe[:at] + bytes(size) + inode.safe[at + size :] if len(inode.safe) > at else inode.safe
        host.observer.begins_anew()


def _kill(host: Host, tree: str, role: str) -> None:
    if role == "ours":
        host.unguarded[tree] = host.kernel.now
        ours = [one for one in _mine(host, tree) if one.role in ("main", "guardian", "worker")]
        host.random.shuffle(ours)
        for one in ours:
            host.kernel.send(host.shell, one, signal.SIGKILL)
        return
    target = _pick(host, tree, role)
    if target is not None:
        host.kernel.send(host.shell, target, signal.SIGKILL)


def _die_in_it(host: Host, tree: str, opened: FileOpened) -> None:
    """With half a line in the journal."""
    if is_journal(opened.path.rpartition("/")[2]) and host.observer.journal.attempts:
        host.calls.on_short = lambda opened: None
        host.kernel.fault_at(host.kernel.steps, lambda: _kill(host, tree, "main"))
        host.kernel.turn_at = 0


def _reset(host: Host, tree: str) -> None:
    """As a control group is killed: all, in any order, and nothing of ours runs between."""
    mine = _mine(host, tree)
    host.random.shuffle(mine)
    for one in mine:
        host.kernel.send(host.shell, one, signal.SIGKILL)


def _signal(host: Host, tree: str, fault: Fault) -> None:
    main = host.mains[tree]
    if main.is_dead:
        return
    host.stops[tree].add(fault.number)
    spread = 1e-4
    targets = [main]
    if fault.word == "tree":
        targets = _mine(host, tree)
        host.random.shuffle(targets)
        spread = host.random.choice(SPREADS)
        host.observer.all_stopped[tree] = fault.number
    elif fault.word == "group":
        targets = [one for one in _mine(host, tree) if one.group == main.group]
    for at, one in enumerate(targets):
        later = host.random.random() * spread * at / len(targets)
        host.kernel.at(host.kernel.now + later, _send, host, one, fault.number)
    if fault.word == "again":
        host.kernel.at(host.kernel.now + fault.seconds, _send, host, main, fault.number)


def _send(host: Host, target: Process, number: int) -> None:
    host.kernel.send(host.shell, target, number)


def _set_clock(host: Host, seconds: float) -> None:
    host.kernel.wall += seconds


def _hold(host: Host, tree: str, fault: Fault) -> None:
    target = _pick(host, tree, fault.word)
    if target is not None:
        host.held.add(tree)
        host.kernel.send(host.shell, target, signal.SIGSTOP)
        host.kernel.at(host.kernel.now + fault.seconds, _send, host, target, signal.SIGCONT)


def _start_twice(host: Host, tree: str) -> None:
    if not host.mains[tree].is_dead:
        twin = f"{tree}.twin-{len(host.mains)}"
        host.is_disturbed.add(twin)
        host.begin(twin, again=False)
