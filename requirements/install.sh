#!/bin/sh
# Makes .venv from the hashed locks: install.sh runtime [dev]. Does nothing when .venv already agrees with them.
set -eu
cd "$(dirname "$0")/.."
REPOSITORY=$(pwd -P)
VENV=$REPOSITORY/.venv

fail() { echo "setup: $*" >&2; exit 2; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.11 python3.12 python3.13 python3.14; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed: apt-get install python3 python3-venv"
}

# The stamp names everything that .venv depends on; a clone that was moved has another one, since scripts hold paths.
stamp_of() { # set…
    {
        for set in "$@"; do cat "requirements/$set.txt"; done
        cat requirements/install.sh
        echo "$REPOSITORY $("$VENV/bin/python" -V 2>/dev/null)"
    } | sha256sum | cut -c1-16
}

is_current() { # set…
    [ -x "$VENV/bin/dlstack" ] && [ -e "$VENV/.installed-$1-$(stamp_of "$@")" ]
}

make_venv() {
    python=$(find_python)
    if [ -d "$VENV" ] && ! "$VENV/bin/python" -c "import sys; sys.exit(sys.prefix != '$VENV')" 2>/dev/null; then
        echo "setup: .venv is broken or was moved: making it anew"
        rm -rf "$VENV"
    fi
    [ -x "$VENV/bin/python" ] && return
    echo "setup: making .venv with $("$python" -V)"
    # Debian splits ensurepip from python3; then the interpreter's own pip installs into the environment from outside.
    if ! command -v uv >/dev/null && "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$VENV"
    else
        "$python" -m venv --without-pip "$VENV"
    fi
}

with_pip() { # arguments of pip install
    if "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
        "$VENV/bin/python" -m pip --disable-pip-version-check install "$@"
    elif python=$(find_python) && "$python" -c 'import pip' 2>/dev/null; then
        "$python" -m pip --disable-pip-version-check --python "$VENV/bin/python" install "$@"
    else
        fail "neither uv, pip nor ensurepip is here: apt-get install python3-venv"
    fi
}

install_packages() { # set…
    arguments=
    for set in "$@"; do arguments="$arguments -r requirements/$set.txt"; done
    count=$(for set in "$@"; do grep -oE '^[a-zA-Z0-9._-]+==' "requirements/$set.txt"; done | sort -u | wc -l)
    echo "setup: installing $count packages ($*), about half a minute"
    # shellcheck disable=SC2086  # one word per argument
    if command -v uv >/dev/null; then
        uv pip install --python "$VENV/bin/python" --require-hashes $arguments && return
        echo "setup: uv could not do it, trying pip"
    fi
    # shellcheck disable=SC2086
    with_pip --require-hashes $arguments
}

# The project itself: a path file and a script, so that nothing has to be built.
install_project() {
    site=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    echo "$REPOSITORY" >"$site/dlstack.pth"
    cat >"$VENV/bin/dlstack.new" <<EOF
#!/bin/sh
'''exec' "$VENV/bin/python" "\$0" "\$@"
' '''
import sys

from dlstackweb.command import main

sys.exit(main())
EOF
    chmod 755 "$VENV/bin/dlstack.new"
    mv "$VENV/bin/dlstack.new" "$VENV/bin/dlstack"
}

is_current "$@" && exit 0
exec 9<"$REPOSITORY"
flock 9 # two instances may be started from one clone at once
is_current "$@" && exit 0
make_venv
install_packages "$@"
install_project
rm -f "$VENV/.installed-$1"-*
touch "$VENV/.installed-$1-$(stamp_of "$1")"
touch "$VENV/.installed-$1-$(stamp_of "$@")"
echo "setup: .venv is ready"
