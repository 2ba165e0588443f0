"""What flags of other programs are called here: told to who types one of them, so that nobody has to look it up."""

from __future__ import annotations

from collections.abc import Container

# A flag of ours, or what to do instead.
EVERYWHERE = {
    "--jobs": "-j N", "--parallel": "-j N", "--workers": "-j N", "--procs": "-j N", "--max-procs": "-j N", "-P": "-j N",
    "-m": "--machine NAME", "--host": "--machine NAME", "--config": "--configs DIR", "--out": "-o FILE",
    "--resume": "the same command again goes on where it stopped",
    "--continue": "the same command again goes on where it stopped",
    "--in": "run directories are named without a flag here",
    "--force": "nothing is in the way of a run; `requeue` makes done jobs run again",
}  # fmt: skip

_SERVE = "`serve` takes jobs to whoever joins, and leaves a script that adds hosts, also by sbatch: join.sh"
_COME = "`serve --from CMD` and `PROGRAM | serve -` take jobs while hosts work"
_ALWAYS = "it is always so: 1 says that a job failed"
_LOGS = "`merge-logs` has all that was logged, of any level"
_MAIL = "[hooks] on_finish, on_failure and on_progress of runner.config run any command, mail too"
_HOSTS = "`launch -s HOST:CORES,…` starts it on hosts; on this host it is -j N"
_HERE = "-j N says how many jobs run at once here; what a job takes is the run's to say, in its settings"
# Of `run` alone: disBatch's, spit's, swarm's and Runmaker's.
OF_RUN = {
    "-e": _ALWAYS, "--exit-code": _ALWAYS,
    "-r": "-R runs again what failed; --resume-from FILE takes over a status file of disBatch's", "--retry": "-R",
    "-c": "--cores-per-job N says what a job takes, -j N how many run at once, --template TEXT what runs",
    "--cpusPerTask": "--cores-per-job N", "--concurrency": "-j N", "-x": "-j N",
    "-t": "-j N says how many run at once, --group NAME which groups", "--tasksPerNode": "-j N",
    "--tasks": "--group NAME", "-d": "--results DIR",
    "-C": "-n N", "--context-task-limit": "-n N", "-f": "--fail-fast",
    "-g": "--gpus-per-job 1", "--gpu": "--gpus-per-job 1",
    "-s": _HOSTS, "--ssh-node": _HOSTS, "-p": "--runs DIR", "--prefix": "--runs DIR",
    "--status-header": "`export --format disbatch --header` writes it",
    "-l": _LOGS, "--logfile": _LOGS, "--loglevel": _LOGS, "--mailTo": _MAIL, "--mailFreq": _MAIL,
    "-w": "--web",
    "-o": "--tee shows what jobs print", "-O": "--tee shows what jobs print",
    "--report": "`status --by group`", "--report-active": "`status --active`", "--work": "`run` does, without a flag",
    "--fill": "all cores that this host grants are used, unless told otherwise",
    "-S": _SERVE, "--startup-only": _SERVE, "--use-address": "`serve --bind ADDRESS` listens there",
    "--kvsserver": "`serve` starts a server of its own, or uses one that is there: --nats URL",
    "--taskserver": _COME, "--taskcommand": _COME, "--label": "`join --name NAME`",
    "--token": "`serve` and `launch --serve` have one; --token-file FILE shows it",
}  # fmt: skip
# Of `join`: those of disBatch's `dbUtil.sh`, which adds hosts to what is at work.
OF_JOIN = {
    "-s": "`launch --serve` starts hosts by ssh; one by one it is `ssh HOST …/join.sh`",
    "--ssh-node": "`launch --serve` starts hosts by ssh; one by one it is `ssh HOST …/join.sh`",
    "-C": "-n N", "--context-task-limit": "-n N", "-t": "-j N", "--tasksPerNode": "-j N", "-c": _HERE,
    "--cpusPerTask": _HERE, "-g": "GPUs that this host has are found", "--gpu": "GPUs that this host has are found",
    "-l": "--name NAME", "--label": "--name NAME", "--logfile": _LOGS,
    "--fill": "all cores that this host grants are used, unless told otherwise",
    "--retire-cmd": "--leave lets a host go when there is nothing to take",
    "--no-retire": "nothing is given back before all is over, unless --leave is said",
    "--mon": "`status --watch` shows how it goes", "--kvsserver": "the address is all that a host needs",
}  # fmt: skip


def called_here(flag: str, ours: Container[str]) -> str:
    """What to add to `there is no flag …`; nothing when nobody else has it. `ours` are the command's flags."""
    more = OF_JOIN if "--probe" in ours else OF_RUN if "--template" in ours else {}
    known = {**EVERYWHERE, **more}
    # A short flag may have its value with it.
    meant = known.get(flag) or (known.get(flag[:2]) if not flag.startswith("--") else None)
    if meant is None or (meant.startswith("-") and meant.split()[0] not in ours):
        return ""
    is_flag_alone = meant.startswith("-") and len(meant.split()) <= 2
    return f" (did you mean {meant}?)" if is_flag_alone else f": {meant}"
