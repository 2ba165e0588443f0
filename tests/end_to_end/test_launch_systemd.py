"""`launch` to hosts whose logind ends all that a user leaves running: systemd is their first process."""

from __future__ import annotations

import os

import pytest

from kit.far_hosts import Net
from kit.launches import said, started, until
from kit.program import Machine
from kit.systemd_host import USER, SystemdHost, why_no_systemd
from kit.wait import wait_until
from kit.ways import Executable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.module_only("how a run is started there is the same for both"),
]


@pytest.fixture(autouse=True)
def need_systemd() -> None:
    if why := why_no_systemd():
        assert not os.environ.get("CI"), why
        pytest.skip(why)


def host(net: Net, *, lingers: bool) -> SystemdHost:
    one = SystemdHost(net, "alice", lingers=lingers)
    net.hosts["alice"] = one
    net.more["alice"] = f"  User {USER}\n"
    net.write_client()
    one.start()
    return one


def test_a_run_outlives_the_login_where_a_user_may_linger(here: Machine, net: Net, executable: Executable) -> None:
    program = ["--exe", str(executable.file)]
    host(net, lingers=True)
    go = net.folder / "go"
    began = net.folder / "began"
    began.touch()
    for path in (net.folder, began):
        path.chmod(0o777)
    here.jobs(f"cat /proc/self/cgroup >{began}; until [ -e {go} ]; do sleep 0.02; done", machines=net.machines())
    view = started(here, *program)
    wait_until(lambda: began.read_text(), 40)
    assert "/user@" in began.read_text(), "it is no child of the login"
    view.kill()
    view.wait()
    # The login is over, and all that logind counts to it.
    wait_until(lambda: not net.hosts["alice"].within("loginctl", "list-sessions", "--no-legend").strip())
    go.touch()
    assert "complete: 1 of 1" in here.call("launch", *program).out
    assert len(list(here.folder.glob("home/alice/runs/*/*/journal.*"))) == 1, "it was not begun again"


def test_where_nothing_may_outlive_a_login_it_is_refused_with_what_to_type(
    here: Machine, net: Net, executable: Executable
) -> None:
    program = ["--exe", str(executable.file)]
    host(net, lingers=False)
    here.jobs("true", machines=net.machines())
    told = here.call("launch", *program, code=2)
    assert "KillUserProcesses" in told.err
    assert "loginctl enable-linger" in told.err
    net.hosts["alice"].within("loginctl", "enable-linger", USER)
    started(here, *program)
    until(here, "alice: done")
    assert "refused" not in said(here).read_text()
