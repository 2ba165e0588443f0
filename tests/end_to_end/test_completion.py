"""Tab, pressed in the real shells: of the installed program, and of an executable of any name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.program import Machine
from kit.terminal import Terminal

SHELLS = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}
SETTLE = {
    "bash": "bind 'set show-all-if-ambiguous on'; bind 'set enable-bracketed-paste off'; PS1='> '",
    "zsh": "PS1='> '; autoload -Uz compinit && compinit -u",
}
# What is typed before Tab, and what is on the screen then; {} stands for the words of the plan.
CASES = [
    ("rebal", "rebalance "),
    ("run --mach", "run --machine "),
    ("run --machine ali", "--machine alice "),
    ("run --machine=ali", "--machine=alice "),
    ("run --machine b", "--machine b\\ c "),
    ("run --group ea", "--group early "),
    ("plan --expect {first}", "--expect {words} "),
    ("--keep-o", "--keep-order "),
    ("status ru", "status runs/"),
    ("merge-logs -o conf", "-o configs/"),
    ("run --order ", "shuffled"),
    ("help rew", "help reweigh "),
]


@pytest.fixture
def name(here: Machine) -> str:
    """What is typed in the folder of `here`."""
    here.jobs("#SHAREOUT GROUP early", "true", "#SHAREOUT GROUP late", "true")
    here.write("configs/machines.json", '{"alice": [1, 2], "b c": [1, 1]}')
    here.run()
    if here.way.name == "module":
        here.environ = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        return "shareout"
    # Another name than it was built under, and one that no function of a shell may have.
    os.link(here.program[0], here.folder / "my-main.x")
    return "./my-main.x"


def installed(shell: str) -> str:
    path = shutil.which(shell)
    assert path, f"{shell} is not installed; `make shells` does it"
    return path


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes_what_the_program_knows(here: Machine, name: str, shell: str) -> None:
    words = here.call("plan", "--json").json["fingerprint"]
    installed(shell)
    terminal = Terminal(Machine(here.folder, SHELLS[shell], {**here.environ, "HOME": str(here.folder)}), columns=200)
    terminal.send(f"{SETTLE[shell]}; source <({name} completion {shell}); echo ready-'for'-keys\r")
    terminal.wait_for("ready-for-keys")
    for typed, expected in CASES:
        shown = f"{name} {typed.format(first=words[:4])}"
        terminal.seen = ""
        terminal.send(shown)
        terminal.wait_to_see(shown)
        terminal.send("\t")
        terminal.wait_to_see(expected.format(words=words))
        terminal.send("\x15")
    terminal.send("exit\r")
    assert terminal.end() == 0


def test_fish_is_offered_the_same(here: Machine, name: str) -> None:
    words = here.call("plan", "--json").json["fingerprint"]
    lines = "; ".join(f"complete -C '{name} {typed.format(first=words[:4])}'" for typed, _ in CASES)
    call = [installed("fish"), "--no-config", "-c", f"{name} completion fish | source; {lines}"]
    environ = {**os.environ, **here.environ, "HOME": str(here.folder)}
    done = subprocess.run(call, cwd=here.folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    offered = {line.partition("\t")[0] for line in done.stdout.splitlines()}
    expected = {"rebalance", "--machine", "alice", "--machine=alice", "early", words, "--keep-order", "runs/"}
    assert expected | {"b\\ c", "configs/", "shuffled"} <= offered | {one.replace("b c", "b\\ c") for one in offered}
    assert "alice\t2 cores" in done.stdout


def test_what_cannot_be_read_offers_nothing_and_says_nothing(here: Machine, name: str) -> None:
    here.write("configs/machines.json", '{"alice": ')
    told = here.call("completion", "bash", "--", "run", "--machine", "")
    assert (told.out, told.err) == ("", "")
    told = here.call("completion", "fish", "--", "run", "--configs", "~/no such", "--group", "")
    assert (told.out, told.err) == ("", "")
    assert here.call("completion", "zsh", "--", "nonsense", "").out == ""


def test_all_flags_of_all_commands_are_offered_with_what_they_mean(here: Machine) -> None:
    here.jobs("true")
    offered = here.call("completion", "zsh", "--", "merge-results", "--").out
    for line in here.call("merge-results", "--help").out.splitlines():
        if line.startswith("  --"):
            flag, _, meaning = line.strip().partition("  ")
            assert f"{flag.split()[0]}\t{meaning.strip()}" in offered


@pytest.mark.module_only("an executable has one name")
def test_the_programs_of_two_commands_complete_too(here: Machine, name: str) -> None:
    line = f"{name} completion fish | source; complete -C 'merge-results --parti'; complete -C 'merge-logs --raw'"
    environ = {**os.environ, **here.environ, "HOME": str(here.folder)}
    done = subprocess.run(
        [installed("fish"), "--no-config", "-c", line], cwd=here.folder, env=environ, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "--partial" in done.stdout


def test_a_tab_runs_the_entry_of_no_executable(here: Machine) -> None:
    here.script("open('loaded', 'w').close()\nfrom shareout import run\ndef job(x: int): ...\nrun(job)")
    assert "alice" in here.call("completion", "bash", "--", "run", "--machine", "").out
    assert here.way.name == "module" or not (here.folder / "loaded").exists()
