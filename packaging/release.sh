#!/bin/sh
# make release: what is given out, in dist/: the command runner as one file for Linux with glibc 2.31 or newer, the
# wheel, and SHA256SUMS of both.
#
# The file is made in a Debian 11 of its own, whose C library is that old, with a Python 3.11 that is compiled there
# from the source of Debian 12. It stays in build/bullseye: the first time takes half an hour, the next ones a minute.
# Wants root, debootstrap, and a way to Debian's packages and to those of Python.
set -eu
cd "$(dirname "$0")/.."
NEWEST=2.31
ROOT=$PWD/build/bullseye
KIND=$(uname -m)

say() { echo "release: $*" >&2; }
refuse() { say "$1"; exit 2; }

[ "$(id -u)" = 0 ] || refuse "only root makes a root directory: run it as root, or in a container"
command -v debootstrap >/dev/null || refuse "debootstrap is not here: apt-get install debootstrap"
[ "$KIND" = x86_64 ] || say "untested on $KIND: only x86_64 is"

# A root directory with its own /proc and /dev, which are gone with the last process in it.
inside() {
  cat >"$ROOT/step.sh"
  unshare -m sh -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" sh -eu /step.sh' "$ROOT" \
    </dev/null
}

if [ ! -e "$ROOT/made" ]; then
  say "Debian 11 …"
  rm -rf "$ROOT"
  mkdir -p "$ROOT"
  debootstrap --variant=minbase --include=ca-certificates,build-essential,zlib1g-dev,libssl-dev,libffi-dev,libsqlite3-dev,liblzma-dev,libbz2-dev,libexpat1-dev,pkg-config \
    bullseye "$ROOT" >"$ROOT.log" 2>&1 || refuse "debootstrap failed: see $ROOT.log"
  cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
  cp /etc/ssl/certs/ca-certificates.crt "$ROOT/etc/ssl/certs/ca-certificates.crt"
  touch "$ROOT/made"
fi
if [ ! -e "$ROOT/opt/python/made" ]; then
  say "Python 3.11 there, from Debian's source …"
  inside >"$ROOT.log" 2>&1 <<'INSIDE' || refuse "Python was not made: see $ROOT.log"
export DEBIAN_FRONTEND=noninteractive
sed -n 's/^deb \([^ ]*\) bullseye main.*/deb-src \1 bookworm main/p' /etc/apt/sources.list >/etc/apt/sources.list.d/source.list
apt-get update -q
rm -rf /opt/python /usr/src/python
mkdir -p /usr/src/python
cd /usr/src/python
apt-get source -q --only-source --download-only python3.11
dpkg-source -x python3.11_*.dsc tree
cd tree
# Debian builds this one in another way than the others: here it must be told that it may look into Python itself.
sed -i '1i #define Py_BUILD_CORE_MODULE 1' Modules/pyexpat.c
./configure --prefix=/opt/python --enable-shared --with-system-expat --with-ensurepip=no LDFLAGS=-Wl,-rpath,/opt/python/lib
make -j"$(nproc)"
DEB_PYTHON_INSTALL_LAYOUT=deb make install
/opt/python/bin/python3.11 -c 'import ssl, sqlite3, lzma, bz2, ctypes, zlib, pyexpat'
touch /opt/python/made
INSIDE
fi

say "the executable …"
rm -rf "$ROOT/src" "$ROOT/made-here"
mkdir "$ROOT/src" "$ROOT/made-here"
git archive HEAD | tar -x -C "$ROOT/src"
inside >"$ROOT.log" 2>&1 <<'INSIDE' || refuse "the executable was not made: see $ROOT.log"
unset PIP_FIND_LINKS
export PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DISABLE_PIP_VERSION_CHECK=1
rm -rf /opt/venv
/opt/python/bin/python3.11 -m venv --without-pip /opt/venv
pip=$(ls /usr/src/python/tree/Lib/ensurepip/_bundled/pip-*.whl)
/opt/venv/bin/python "$pip/pip" install -q --no-index "$pip"
/opt/venv/bin/python -m pip install -q -c /src/packaging/requirements.txt 'setuptools>=77' blake3 questionary pyinstaller
/opt/venv/bin/python -m pip install -q --no-deps --no-build-isolation /src
cd /made-here
/opt/venv/bin/shareout freeze --name shareout --json >facts.json
build/shareout --version
INSIDE
glibc=$(sed -n 's/.*"glibc": "\([0-9.]*\)".*/\1/p' "$ROOT/made-here/facts.json")
[ "$(printf '%s\n' "$glibc" "$NEWEST" | sort -V | tail -n 1)" = "$NEWEST" ] ||
  refuse "the executable wants glibc $glibc, newer than $NEWEST: something in it was not made there"

make --no-print-directory wheel
version=$("$ROOT/made-here/build/shareout" --version | sed -n '1s/^shareout \([^ ]*\).*/\1/p')
name=shareout-$version-linux-$KIND
cp "$ROOT/made-here/build/shareout" "dist/$name"
cp "$ROOT/made-here/build/shareout.sh" "dist/$name.sh"
(cd dist && sha256sum -- *.whl "$name" "$name.sh" >SHA256SUMS)
say "dist/$name wants glibc $glibc; the wheel is beside it, and SHA256SUMS"
