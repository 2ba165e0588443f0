"""A Slurm of our own on this host: munged, slurmctld and a slurmd for each of its nodes, with ports, keys and folders
that nobody else has."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kit.wait import wait_until

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
GPUS = 2
"""That the first node has."""
# A requeued job waits as long as a credential is good. Accounting is a file, for there is no database here.
SETTINGS = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/ended
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
MinJobAge=300
KillWait=2
MessageTimeout=3
CompleteWait=0
InactiveLimit=0
UnkillableStepTimeout=20
GresTypes=gpu
MaxArraySize={most_elements}
MaxJobCount={most_jobs}
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,batch_sched_delay=0,sched_interval=1,sched_min_interval=0,default_queue_depth=100
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}
PartitionName=usual Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 OverSubscribe=NO
PartitionName=first Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=9 OverSubscribe=NO
"""


def why_no_slurm() -> str:
    """Empty where one can be started."""
    if os.getuid():
        return "a Slurm of one's own needs root"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    return f"{missing[0]} is not here" if missing else ""


class Slurm:
    """One cluster."""

    def __init__(
        self, folder: Path, cores: Sequence[int], *, most_elements: int = 1001, most_jobs: int = 10_000
    ) -> None:
        self.folder, self.nodes = folder, {f"n{number}": count for number, count in enumerate(cores)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("munge", "state"):
            (folder / name).mkdir(parents=True)
        key = folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self.config = folder / "slurm.conf"
        host = socket.gethostname().partition(".")[0]
        port, *ports = _free_ports(len(cores) + 1)
        lines = (
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={where} CPUs={count} RealMemory=1000"
            + (f" Gres=gpu:{GPUS}" if name == "n0" else "")
            for (name, count), where in zip(self.nodes.items(), ports, strict=True)
        )
        # Devices that are nothing: what counts is what Slurm tells of them.
        for number in range(GPUS):
            os.mknod(folder / f"gpu{number}", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        (folder / "gres.conf").write_text(f"NodeName=n0 Name=gpu File={folder}/gpu[0-{GPUS - 1}]\n")
        limits = {"most_elements": most_elements, "most_jobs": most_jobs}
        self.config.write_text(SETTINGS.format(host=host, port=port, folder=folder, nodes="\n".join(lines), **limits))

    @property
    def environ(self) -> dict[str, str]:
        """For whoever calls sbatch and its kin."""
        return {"SLURM_CONF": str(self.config)}

    def start(self) -> None:
        """All of it; every node is idle then."""
        munge = self.folder / "munge"
        named = [f"--{what}-file={munge / what}" for what in ("key", "pid", "log", "seed")]
        named.append(f"--socket={munge / 'socket'}")
        self._begin("munged", "--foreground", "--force", *named)
        wait_until((munge / "socket").exists)
        self._begin("slurmctld", "-D", "-i", "-f", str(self.config))
        for name in self.nodes:
            self.start_node(name)
        wait_until(lambda: self.states() == dict.fromkeys(self.nodes, "idle"), 60)

    def stop_controller(self) -> None:
        """As an administrator does; what runs goes on."""
        with self._processes.pop("slurmctld") as process:
            process.terminate()

    def start_controller(self) -> None:
        """It knows again what it knew."""
        self._begin("slurmctld", "-D", "-f", str(self.config))

    def start_node(self, name: str) -> None:
        """Its slurmd."""
        self._begin("slurmd", "-D", "-N", name, "-f", str(self.config), known=name)

    def _begin(self, program: str, *words: str, known: str = "") -> None:
        found = shutil.which(program, path=PATH)
        assert found
        with open(self.folder / f"{known or program}.said", "ab") as said:
            self._processes[known or program] = subprocess.Popen(
                [found, *words], stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={**os.environ, **self.environ},
                start_new_session=True,
            )  # fmt: skip

    def call(self, *words: str, code: int | None = 0) -> str:
        """What one of its programs prints."""
        done = subprocess.run(
            words, env={**os.environ, **self.environ}, capture_output=True, text=True, timeout=60, check=False
        )
        assert code is None or done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def states(self) -> dict[str, str]:
        """Of its nodes."""
        told = self.call("sinfo", "-h", "-p", "usual", "-N", "-o", "%N %t", code=None)
        return dict(pair for line in told.splitlines() if len(pair := line.split()) == 2)

    def jobs(self, *more: str) -> list[str]:
        """`id state` of each element that is known, in the order of their ids."""
        told = self.call("squeue", "-h", "-r", "-t", "all", "-o", "%i %T", *more)
        return sorted(told.splitlines())

    def fact(self, job: str, name: str) -> str:
        """What `scontrol show job` says of one."""
        told = self.call("scontrol", "show", "job", "-o", job, code=None)
        return next((word.partition("=")[2] for word in told.split() if word.startswith(f"{name}=")), "")

    def ended(self) -> list[str]:
        """A line for each job that has ended."""
        file = self.folder / "ended"
        return file.read_text().splitlines() if file.exists() else []

    def crash(self, name: str) -> None:
        """A node is gone with all that ran on it, and slurmctld comes to know."""
        for pid in self._of_node(name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._end(name)
        self.call("scontrol", "update", f"nodename={name}", "state=down", "reason=crashed")

    def _of_node(self, name: str) -> list[int]:
        """All that its jobs have started; before that what has started them, or it would tell of their end."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                words = path.read_bytes().split(b"\0")
                if f"SLURMD_NODENAME={name}".encode() in words and f"SLURM_CONF={self.config}".encode() in words:
                    found.append(int(path.parent.name))
        parents = {_parent(pid) for pid in found}
        return [*(pid for pid in parents if _is_stepd(pid)), *found]

    def revive(self, name: str) -> None:
        """It comes back, as after a boot."""
        self.start_node(name)
        self.call("scontrol", "update", f"nodename={name}", "state=resume", code=None)
        wait_until(lambda: self.states().get(name) in ("idle", "mix", "alloc"), 60)

    def clear(self) -> None:
        """No job is left in the queue."""
        self.call("scancel", "--user=root", code=None)
        self.call("scancel", "--user=root", "--signal=KILL", code=None)
        wait_until(lambda: not self.call("squeue", "-h"), 60)
        for name, state in self.states().items():
            if state.startswith("down"):
                self.revive(name)

    def _end(self, name: str) -> None:
        if (process := self._processes.pop(name, None)) is not None:
            with process:
                process.kill()

    def end(self) -> None:
        """Nothing of it is left."""
        with suppress(AssertionError, subprocess.TimeoutExpired):
            self.clear()
        for name in reversed(list(self._processes)):
            self._end(name)


def _parent(pid: int) -> int:
    """0 where it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _is_stepd(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("slurmstepd")
    except OSError:
        return False


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@contextmanager
def cluster(folder: Path, cores: Sequence[int] = (2, 2, 1), **more: int) -> Iterator[Slurm]:
    """One that runs until then."""
    made = Slurm(folder, cores, **more)
    try:
        made.start()
        yield made
    finally:
        made.end()
