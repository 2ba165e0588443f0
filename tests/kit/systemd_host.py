"""A far host on which systemd is the first process, as on most clusters: with its logind, a login that PAM opens, and a
manager of services for each user. All of it in namespaces, on an overlay of this machine's files, gone afterwards."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from kit.far_hosts import SSHD, FarHost, Net
from kit.wait import wait_until

USER = "ada"
TOOLS = ("systemctl", "loginctl", "systemd-run", "dbus-daemon")
# What belongs to the kernel, and to the host below, is not touched from here.
MASKED = (
    "systemd-sysctl.service", "systemd-modules-load.service", "systemd-binfmt.service", "systemd-udevd.service",
    "systemd-remount-fs.service", "systemd-journal-flush.service", "systemd-tmpfiles-clean.timer", "tmp.mount",
    "systemd-update-utmp.service", "console-getty.service", "getty.target", "cron.service", "rsyslog.service",
)  # fmt: skip
PREPARE = """\
set -e
mount -t tmpfs none '{folder}/over'
mkdir '{folder}/over/upper' '{folder}/over/work'
mount -t overlay overlay -o lowerdir=/,upperdir='{folder}/over/upper',workdir='{folder}/over/work' '{folder}/root'
cd '{folder}/root'
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount --rbind /dev dev
mount -t tmpfs none run
mount -t tmpfs none tmp
mount -t tmpfs none sys/fs/cgroup
mkdir sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd ||
  {{ umount sys/fs/cgroup && mount -t cgroup2 none sys/fs/cgroup; }}
mkdir -p '.{net}' && mount --bind '{net}' '.{net}'
dbus-uuidgen >etc/machine-id
rm -rf etc/systemd/system/*.wants etc/fstab
for unit in {masked}; do ln -sf /dev/null etc/systemd/system/$unit; done
mkdir -p etc/systemd/logind.conf.d run/sshd etc/systemd/system/multi-user.target.wants
printf '[Login]\\nKillUserProcesses=%s\\n' {kills} >etc/systemd/logind.conf.d/test.conf
cat >etc/systemd/system/far.service <<'END'
[Unit]
After=systemd-user-sessions.service systemd-logind.service dbus.service
[Service]
RuntimeDirectory=sshd
ExecStart={sshd} -D -e -f "{folder}/sshd_config"
END
ln -s ../far.service etc/systemd/system/multi-user.target.wants/far.service
chroot . useradd --create-home --home-dir '/home/{user}' --shell /bin/sh {user}
{linger}
export container=other
exec chroot . /usr/lib/systemd/systemd --unit=multi-user.target --log-level=warning
"""


def why_no_systemd() -> str:
    """Empty where such a host can be."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"{missing[0]} is not here"
    return "" if list(Path("/usr/lib").rglob("pam_systemd.so")) else "PAM knows nothing of systemd here"


class SystemdHost(FarHost):
    """One of them. Its user is no root: those are never ended."""

    def __init__(self, net: Net, name: str, *, lingers: bool) -> None:
        super().__init__(net, name)
        self._lingers = lingers
        for part in ("over", "root"):
            (self.folder / part).mkdir()

    def start(self, before: str = "", *, keys: str = "", passwords: str = "no") -> None:
        """`before` and the rest are not for such a host."""
        settings = f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/key\nUsePAM yes\nStrictModes no\n"
        settings += f"AuthorizedKeysFile {self.net.folder}/id.pub\nPasswordAuthentication no\nPidFile none\n"
        (self.folder / "sshd_config").write_text(settings)
        linger = f"mkdir -p var/lib/systemd/linger; touch var/lib/systemd/linger/{USER}" if self._lingers else ""
        script = PREPARE.format(
            folder=self.folder, net=self.net.folder, masked=" ".join(MASKED), kills="yes", sshd=SSHD, user=USER,
            linger=linger,
        )  # fmt: skip
        call = ["unshare", "-m", "-p", "-u", "-i", "-C", "--fork", "--kill-child", "sh", "-ec", script]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(call, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._listens, 60)
