"""`launch` over ssh: real sshds, each a host with a home and processes of its own; and what may happen to them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kit.far_hosts import Net
from kit.launches import hosts_for, nothing_is_left, runner, started, two, until, waiting
from kit.mounts import small_disk
from kit.network import networked
from kit.program import Machine
from kit.terminal import Terminal
from kit.wait import wait_until
from kit.ways import Executable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.module_only("who is reached and what is asked is decided by pure code; a whole launch is both"),
]


@pytest.mark.both_ways
def test_a_launch_goes_from_inputs_to_the_certificate(here: Machine, net: Net) -> None:
    two(net)
    here.jobs(*[f"echo {number}" for number in range(20)], machines=net.machines())
    told = here.call("launch", *runner(here), "-o", "results.csv")
    assert told.out.splitlines()[0] == "complete: 20 of 20 jobs, each counted once"
    assert told.err.splitlines()[-1] == "2 of 2 started · 2 done · 20 of 20 jobs"
    assert (net.hosts["bob"].far(here) / "main").exists()
    again = here.call("launch", *runner(here), "-o", "results.csv")
    assert again.out == told.out
    assert "copying" not in again.err
    # Who copies nothing needs nothing to copy.
    assert " done " in here.call("launch", "--status").out
    here.call("launch", "--clean")
    assert not net.hosts["bob"].far(here).exists()
    nothing_is_left(net)


def test_a_host_that_is_down_is_tried_again_and_given_up(here: Machine, net: Net) -> None:
    two(net)
    net.hosts["bob"].cut_power()
    here.jobs(*["true"] * 4, machines=net.machines())
    told = here.call("launch", *runner(here), "--patience", "2s", code=3)
    assert "bob: unreachable: try 1" in told.err
    assert told.err.splitlines()[-1].endswith("not: bob (given up)")
    net.hosts["bob"].start()
    assert "complete: 4 of 4" in here.call("launch", *runner(here)).out


def test_a_cut_link_ends_nothing(here: Machine, net: Net) -> None:
    two(net)
    go = waiting(here, net)
    process = started(here)
    wait_until(lambda: list(net.hosts["bob"].far(here).glob("runs/*/*/owner.json")))
    until(here, "bob: running\n")
    net.hosts["bob"].cut_connections()
    until(here, "bob: unreachable")
    go.touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"complete: 4 of 4" in out
    assert len(list(net.hosts["bob"].far(here).glob("runs/*/*/journal.*"))) == 1
    nothing_is_left(net)


def test_a_link_that_goes_silent_is_noticed_and_ends_nothing(here: Machine, tmp_path: Path) -> None:
    with networked(2) as network, hosts_for(here, tmp_path / "net", network) as net:
        net.host("bob").start()
        go = waiting(here, net)
        process = started(here)
        wait_until(lambda: list(net.hosts["bob"].far(here).glob("runs/*/*/owner.json")))
        until(here, "bob: running\n")
        network.cut(1)
        until(here, "bob: unreachable")
        network.mend(1)
        go.touch()
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert b"complete: 4 of 4" in out
        assert len(list(net.hosts["bob"].far(here).glob("runs/*/*/journal.*"))) == 1
        nothing_is_left(net)


def test_a_host_that_is_started_anew_goes_on(here: Machine, net: Net) -> None:
    two(net)
    go = waiting(here, net)
    process = started(here)
    wait_until(lambda: list(net.hosts["bob"].far(here).glob("runs/*/*/journal.*")))
    net.hosts["bob"].cut_power()
    net.hosts["bob"].start()
    wait_until(lambda: len(list(net.hosts["bob"].far(here).glob("runs/*/*/journal.*"))) == 2, 60)
    go.touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"complete: 4 of 4" in out


def test_a_laptop_that_is_closed_ends_only_the_view(here: Machine, net: Net) -> None:
    two(net)
    go = waiting(here, net)
    process = started(here)
    for host in net.hosts.values():
        wait_until(lambda host=host: list(host.far(here).glob("runs/*/*/owner.json")))
    process.send_signal(signal.SIGKILL)
    process.wait()
    go.touch()
    assert "complete: 4 of 4" in here.call("launch", *runner(here)).out
    nothing_is_left(net)
    for host in net.hosts.values():
        assert len(list(host.far(here).glob("runs/*/*/journal.*"))) == 1


def test_a_changed_host_key_is_not_accepted_and_told_in_the_words_of_ssh(here: Machine, net: Net) -> None:
    two(net)
    net.hosts["bob"].cut_power()
    net.hosts["bob"].make_key()
    net.hosts["bob"].start()
    here.jobs(*["true"] * 4, machines=net.machines())
    told = here.call("launch", *runner(here), code=2)
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in told.err
    assert "try 2" not in told.err
    (net.folder / "known").write_text("")
    told = here.call("launch", *runner(here), "alice", code=2)
    assert "Host key verification failed" in told.err
    assert (net.folder / "known").read_text() == ""


def test_a_password_is_not_asked_for_where_nobody_could_answer(here: Machine, net: Net) -> None:
    net.host("alice").start(keys="none", passwords="yes")
    here.jobs("true", machines=net.machines())
    assert "Permission denied" in here.call("launch", *runner(here), code=2).err


def test_a_password_is_asked_for_once_at_the_terminal(here: Machine, net: Net) -> None:
    hidden = subprocess.run(
        ["openssl", "passwd", "-6", "open sesame"], capture_output=True, text=True, check=True
    ).stdout
    alice = net.host("alice")
    (alice.folder / "shadow").write_text(f"root:{hidden.strip()}:19000:0:99999:7:::\n")
    alice.start(f"mount --bind '{alice.folder}/shadow' /etc/shadow", keys="none", passwords="yes")
    here.jobs("true", machines=net.machines())
    screen = Terminal(here, "launch", *runner(here))
    screen.wait_for("password:")
    screen.send("open sesame\r")
    screen.wait_for("complete: 1 of 1", 60)
    assert screen.end() == 0
    assert alice.logins() == 1


def test_one_connection_to_a_jump_host_serves_all(here: Machine, net: Net) -> None:
    net.host("bastion").start()
    for name in ("alice", "bob", "carol"):
        net.more[name] = "  ProxyJump bastion\n"
        net.host(name).start()
    bastion = net.hosts.pop("bastion")
    here.jobs(*["true"] * 6, machines=net.machines())
    net.hosts["bastion"] = bastion
    assert "complete: 6 of 6" in here.call("launch", *runner(here)).out
    assert bastion.logins() == 1
    nothing_is_left(net)


def test_a_digest_that_differs_is_refused_with_what_differs(here: Machine, net: Net) -> None:
    net.host("alice").start()
    script = here.folder.parent / "runner"
    runner(here)
    # A program that finds another list there: as if somebody had changed it after it was copied.
    script.write_text(
        f'#!/bin/sh\n[ "$1" = run ] && echo changed >>configs/jobs.txt\nexec "{sys.executable}" -m shareout "$@"\n'
    )
    here.jobs("true", "true", machines=net.machines())
    told = here.call("launch", "--exe", str(script), code=2)
    assert "this is the plan" in told.err
    assert "jobs.txt differs" in told.err


def test_what_does_not_fit_is_refused_before_anything_is_copied(here: Machine, net: Net, tmp_path: Path) -> None:
    net.host("alice").start()
    here.jobs("true", machines=net.machines())
    elf = tmp_path / "elf"
    head = bytearray(Path(sys.executable).read_bytes()[:4096])
    head[18:20] = (8).to_bytes(2, "little") if head[18] == 183 else (183).to_bytes(2, "little")
    elf.write_bytes(head)
    elf.chmod(0o755)
    told = here.call("launch", "--exe", str(elf), code=2)
    assert "alice: refused: is x86_64, and the program is for aarch64" in told.err
    assert not list(net.hosts["alice"].home.rglob("*"))


def test_a_host_without_room_is_refused(here: Machine, net: Net) -> None:
    alice = net.host("alice")
    alice.start(f"mount -t tmpfs -o size=64k none '{alice.home}'")
    here.jobs("true", machines=net.machines())
    here.write("data.bin", bytes(1 << 20))
    told = here.call("launch", *runner(here), "--files", "data.bin", code=2)
    assert "free there" in told.err or "No space left" in told.err


def test_a_run_whose_disk_is_full_is_told_and_goes_on_when_there_is_room(
    here: Machine, net: Net, tmp_path: Path
) -> None:
    alice = net.host("alice")
    alice.home.rmdir()
    with small_disk(alice.home, 512):
        alice.start()
        here.jobs("head -c 1000000 /dev/urandom | base64", *["echo $((1 + 1))"] * 3, machines=net.machines())
        told = here.call("launch", *runner(here), code=3)
        assert "alice: stopped: exit 3: " in told.err
        assert "No space left" in told.err
        subprocess.run(["mount", "-o", "remount,size=64M", alice.home], check=True)
        again = here.call("launch", *runner(here))
        assert "complete: 4 of 4" in again.out
        alice.cut_power()


def test_an_older_glibc_is_refused_before_anything_is_copied(here: Machine, net: Net, executable: Executable) -> None:
    alice = net.host("alice")
    alice.start()
    (alice.folder / "bin").mkdir()
    getconf = alice.folder / "bin" / "getconf"
    getconf.write_text("#!/bin/sh\necho glibc 2.5\n")
    getconf.chmod(0o755)
    (alice.home / ".bashrc").write_text(f"PATH='{alice.folder}/bin':$PATH\n")
    here.jobs("true", machines=net.machines())
    here.program = executable.runner()
    assert "alice: refused: has glibc 2.5, and the program needs 2." in here.call("launch", code=2).err
    assert [path.name for path in alice.home.iterdir()] == [".bashrc"]


def test_a_run_that_never_gets_on_is_started_four_times(here: Machine, net: Net) -> None:
    net.host("alice").start()
    script, starts = here.folder.parent / "runner", here.folder.parent / "starts"
    runner(here)
    script.write_text(
        f'#!/bin/sh\n[ "$1" = run ] && echo >>{starts} && kill -9 $$\nexec "{sys.executable}" -m shareout "$@"\n'
    )
    here.jobs("true", machines=net.machines())
    told = here.call("launch", "--exe", str(script), code=3)
    assert "alice: stopped: it was killed" in told.err
    assert len(starts.read_text()) == 4


def test_a_place_that_allows_no_programs_is_passed_over(here: Machine, net: Net) -> None:
    net.host("alice").start("mount -t tmpfs -o noexec none /var/tmp; mount -t tmpfs -o noexec none /dev/shm")
    here.jobs('echo "$TMPDIR" >where.txt', machines=net.machines())
    here.call("launch", *runner(here), "--return", "where.txt")
    assert next(here.folder.glob("home/*/where.txt")).read_text() == "/tmp\n"


def test_a_clock_that_is_off_is_told(here: Machine, net: Net) -> None:
    alice = net.host("alice")
    alice.start()
    (alice.folder / "bin").mkdir()
    date = alice.folder / "bin" / "date"
    date.write_text("#!/bin/sh\nexec /bin/date -d '1 hour ago' \"$@\"\n")
    date.chmod(0o755)
    (alice.home / ".bashrc").write_text(f"PATH='{alice.folder}/bin':$PATH\n")
    here.jobs("true", machines=net.machines())
    assert re.search("alice: running: its clock is 3,[56].. s behind", here.call("launch", *runner(here)).err)


def test_words_of_a_far_side_steer_no_terminal(here: Machine, net: Net) -> None:
    net.host("alice").start()
    (net.hosts["alice"].home / ".bashrc").write_text("printf '\\033[2J'\n")
    script = here.folder.parent / "runner"
    script.write_text("#!/bin/sh\nprintf '\\033[31mno\\033[0m\\n' >&2; exit 1\n")
    script.chmod(0o755)
    here.jobs("true", machines=net.machines())
    told = here.call("launch", "--exe", str(script), code=2)
    assert "\\x1b[31mno" in told.err
    assert "\x1b" not in told.err


def test_paths_of_any_sort_work_there(here: Machine, net: Net) -> None:
    net.host("alice").start()
    here.jobs("true", machines=net.machines())
    folder = "a 'b' \"c\"\n$(touch no)"
    here.call("launch", *runner(here), "--dir", folder)
    assert (net.hosts["alice"].home / folder / "main").exists()
    assert not list(net.hosts["alice"].home.rglob("no"))
    # The folder is remembered.
    here.call("launch", *runner(here), "--status")
