#!/bin/sh
# Sees to the system programs: system.sh [test]. Installs what is missing with apt when it may, else names the command.
set -eu

PACKAGES=
need() { # program package
    command -v "$1" >/dev/null || PACKAGES="$PACKAGES $2"
}

need rsync rsync
need bwrap bubblewrap
need git git
need setpriv util-linux
if ! command -v uv >/dev/null && ! python3 -c 'import ensurepip' 2>/dev/null && ! python3 -c 'import pip' 2>/dev/null; then
    PACKAGES="$PACKAGES python3-venv"
fi
if [ "${1:-}" = test ]; then
    need chromium chromium
    need openssl openssl
    need setfacl acl
    need setfattr attr
    need strace strace
    need mkfs.btrfs btrfs-progs
    need mkfs.xfs xfsprogs
    need ip iproute2
    need nginx nginx-light
    need redis-server redis-server
    need ssh openssh-client
    need docker-compose docker-compose
    need systemd-analyze systemd
    [ -x /usr/sbin/sshd ] || PACKAGES="$PACKAGES openssh-server"
    # Debian keeps the server's programs out of the path.
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || PACKAGES="$PACKAGES postgresql"
fi

[ -z "$PACKAGES" ] && exit 0
INSTALL="apt-get install --yes --no-install-recommends$PACKAGES"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "These system programs are missing:$PACKAGES. Install them and start again, for example: sudo $INSTALL" >&2
    exit 2
fi
echo "system: installing$PACKAGES"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
$INSTALL
