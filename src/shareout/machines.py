"""machines.json → the machines, in the order of the file; all mistakes are told together.

`"alice": [1.0, 8]` is performance and cores; an object may also carry ssh, gpus and memory. Performance is
read as the decimal number that is written, never as a float.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from shareout.errors import InputError, nearest, raise_all
from shareout.fields import dataclass
from shareout.json_places import LARGEST, Node, PlacedJson, read_json
from shareout.names import AUTO, alike, why_no_name
from shareout.units import parse_filesize

KEYS = ("perf", "cores", "ssh", "gpus", "memory")
EXAMPLE = 'Write "alice": [1.0, 8] (performance, cores) or {"perf": 1.0, "cores": 8}.'
LONGEST_NAME = 255
MOST_CORES = 1_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """One named host. Its weight is what its share is proportional to."""

    name: str
    perf: Fraction
    cores: int
    ssh: str | None = None
    gpus: int | None = None
    memory: int | None = None

    @property
    def weight(self) -> Fraction:
        """Exact, so that all machines reckon the same shares."""
        return self.perf * self.cores


def load_machines(path: Path) -> tuple[Machine, ...]:
    """Refuses what is not clearly meant."""
    document = read_json(path)
    reader = _Reader(document)
    machines = reader.machines()
    raise_all(reader.mistakes)
    return machines


def machines_text(machines: Sequence[Machine]) -> bytes:
    """A machines.json for machines that a call names: this host alone, or equal ones. Cores decide nothing there, and
    may be others when it runs again."""
    return json.dumps({machine.name: [1, 1] for machine in machines}).encode("ascii") + b"\n"


def equal_names(count: int) -> list[str]:
    """`1-of-4` … `4-of-4`."""
    return [f"{number}-of-{count}" for number in range(1, count + 1)]


def equal_machines(count: int, cores: int) -> tuple[Machine, ...]:
    """Of one weight, whichever host reckons with its own cores."""
    return tuple(Machine(name, Fraction(1, cores), cores) for name in equal_names(count))


class _Reader:
    """Collects mistakes while it reads on."""

    def __init__(self, document: PlacedJson) -> None:
        self.document = document
        self.mistakes: list[InputError] = []

    def machines(self) -> tuple[Machine, ...]:
        """All that can be read. What is wrong stands in `mistakes`, and in the machine as a 1."""
        root = self.document.root
        if not root.is_object:
            self._wrong(root, f"machines are an object of names, found {root.kind()}", EXAMPLE)
            return ()
        machines: dict[str, Machine] = {}
        known: dict[str, str] = {}
        for key, value in root.pairs():
            name = str(key.value)
            if name in machines:
                self._wrong(key, f'the machine "{name}" is named twice')
                continue
            self._check_name(key, name)
            # A run directory has the machine's name: where names have no case two machines would share one.
            if (other := known.setdefault(alike(name), name)) != name:
                self._wrong(
                    key,
                    f'"{other}" and "{name}" differ by case only',
                    "Their folders might be one: name one otherwise.",
                )
            machines[name] = self._machine(name, value)
            if machines[name].weight > LARGEST:
                self._wrong(value, f'performance × cores of "{name}" is too large a number')
        if not machines:
            self._wrong(root, "no machine is named", EXAMPLE)
        return tuple(machines.values())

    def _check_name(self, key: Node, name: str) -> None:
        why = why_no_name(name) or ("has a slash" if "/" in name else "")
        if why or name in (".", ".."):
            self._wrong(
                key,
                f"{name!r} cannot name a machine" + (f": it {why}" if why else ""),
                "A name is also a folder's, and is typed after --machine.",
            )
        elif name == "all":
            self._wrong(key, '"all" cannot name a machine', "At the prompt it means: this host runs every job.")
        elif name == AUTO:
            self._wrong(key, f'"{AUTO}" cannot name a machine', "After --machine it means: as the scheduler says.")
        elif len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
            self._wrong(key, f"the name is longer than {LONGEST_NAME} bytes")

    def _machine(self, name: str, node: Node) -> Machine:
        if node.is_array:
            items = node.items()
            # From here on a wrong value is a 1, so that reading goes on: all of the file's mistakes are told
            # together.
            if len(items) != 2:
                self._wrong(node, f'"{name}" has {len(items)} values, not performance and cores', EXAMPLE)
                return Machine(name, Fraction(1), 1)
            return Machine(name, self._perf(name, items[0]), self._cores(name, items[1]))
        if not node.is_object:
            self._wrong(node, f'"{name}" is {node.kind()}', EXAMPLE)
            return Machine(name, Fraction(1), 1)
        return self._from_object(name, node)

    def _from_object(self, name: str, node: Node) -> Machine:
        given: dict[str, Node] = {}
        for key, value in node.pairs():
            word = str(key.value)
            if word not in KEYS:
                self._wrong(
                    key,
                    f'"{word}" is not known for a machine{nearest(word, KEYS)}',
                    f"Known are {', '.join(KEYS)}.",
                )
            elif word in given:
                self._wrong(key, f'"{word}" is given twice for "{name}"')
            given[word] = value
        for word in ("perf", "cores"):
            if word not in given:
                self._wrong(node, f'"{name}" has no "{word}"', EXAMPLE)
        return Machine(
            name,
            self._perf(name, given["perf"]) if "perf" in given else Fraction(1),
            self._cores(name, given["cores"]) if "cores" in given else 1,
            ssh=self._ssh(name, given["ssh"]) if "ssh" in given else None,
            gpus=self._gpus(name, given["gpus"]) if "gpus" in given else None,
            memory=self._memory(name, given["memory"]) if "memory" in given else None,
        )

    def _perf(self, name: str, node: Node) -> Fraction:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | Fraction):
            self._wrong(node, f'performance of "{name}" must be a number, found {node.kind()}')
            return Fraction(1)
        if value <= 0:
            self._wrong(node, f'performance of "{name}" must be positive, found {self.document.written(node)}')
            return Fraction(1)
        return Fraction(value)

    def _cores(self, name: str, node: Node) -> int:
        return self._whole(f'cores of "{name}"', node, 1)

    def _gpus(self, name: str, node: Node) -> int:
        return self._whole(f'gpus of "{name}"', node, 0)

    def _whole(self, what: str, node: Node, least: int) -> int:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong(node, f"{what} must be a whole number, found {self.document.written(node)}")
            return least
        if not least <= value <= MOST_CORES:
            self._wrong(node, f"{what} must be {least} to {MOST_CORES}, found {value}")
            return least
        return value

    def _memory(self, name: str, node: Node) -> int | None:
        value = node.value
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        if isinstance(value, str):
            try:
                size = parse_filesize(value)
            except ValueError as error:
                self._wrong(node, f'memory of "{name}": {error}')
                return None
            if size:
                return size
        self._wrong(node, f'memory of "{name}" must be a size like "64GiB" or a number of bytes')
        return None

    def _ssh(self, name: str, node: Node) -> str | None:
        if not isinstance(node.value, str) or not node.value.strip():
            self._wrong(node, f'ssh of "{name}" must be a text like "user@host", found {node.kind()}')
            return None
        # What begins so would be taken for an option, and -oProxyCommand=… is a command that runs here.
        if any(part.startswith("-") for part in (node.value, node.value.rpartition("@")[2])):
            self._wrong(node, f'ssh of "{name}" looks like an option: {node.value!r}', "Write a host, or user@host.")
        elif any(not sign.isprintable() or sign.isspace() for sign in node.value):
            self._wrong(node, f'ssh of "{name}" has a blank or a sign that cannot be seen: {node.value!r}')
        return node.value

    def _wrong(self, node: Node, what: str, way_out: str = "") -> None:
        self.mistakes.append(self.document.mistake(node, what, way_out))
