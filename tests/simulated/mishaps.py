"""What comes to a host, as its faults say: deaths, signals, refusals, a power cut, somebody who starts it twice."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from simulated.plans import Fault
from simulated.system.kernel import Process

if TYPE_CHECKING:
    from simulated.host import Host


def befall(host: Host, fault: Fault, tree: str) -> None:
    """It comes when its step has come; of kinds that hold all the time, at once."""
    kernel, disk, step = host.kernel, host.disk, host.kernel.steps + fault.step
    match fault.kind:
        case "kill":
            kernel.fault_at(step, lambda: _kill(host, tree, fault.word))
        case "signal":
            kernel.fault_at(step, lambda: _signal(host, tree, fault))
        case "reset":
            kernel.fault_at(step, lambda: _reset(host, tree))
        case "cut":
            kernel.fault_at(step, host.cut_power)
        case "room":
            disk.room = fault.number
        case "eio":
            disk.refusals.setdefault(fault.word, []).append(fault.number)
        case "short":
            host.calls.short = fault.seconds
        case "clock":
            kernel.fault_at(step, lambda: _set_clock(host, fault.seconds))
        case "slow":
            disk.sync_s = lambda: host.random.random() * fault.seconds
            host.slow = max(host.slow, fault.seconds)
        case "twice":
            kernel.fault_at(step, lambda: _start_twice(host, tree))
        case "hold":
            kernel.fault_at(step, lambda: _hold(host, tree, fault))
        case "reuse":
            kernel.reuse = 0.9


def _mine(host: Host, tree: str) -> list[Process]:
    return [one for one in host.kernel.living() if one.tree == tree]


def _pick(host: Host, tree: str, role: str) -> Process | None:
    found = [one for one in _mine(host, tree) if role in ("any", one.role)]
    return host.random.choice(found) if found else None


def _kill(host: Host, tree: str, role: str) -> None:
    target = _pick(host, tree, role)
    if target is not None:
        host.kernel.send(host.shell, target, signal.SIGKILL)


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
    host.stops[tree] += 1
    targets = [main]
    if fault.word == "tree":
        targets = _mine(host, tree)
        host.random.shuffle(targets)
    elif fault.word == "group":
        targets = [one for one in _mine(host, tree) if one.group == main.group]
    for at, one in enumerate(targets):
        host.kernel.at(host.kernel.now + at * host.random.random() * 1e-4, _send, host, one, fault.number)
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
