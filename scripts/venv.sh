# Sourced by scripts/start and scripts/test: `install [EXTRA]` makes the virtual environment $VENV and installs the
# project into it, once for each version of pyproject.toml and each place of the repository.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit
VENV=${VENV:-$ROOT/.venv}
[[ $VENV == /* ]] || VENV=$PWD/$VENV

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "no Python 3.11 or newer found; install one (Debian 12: apt install python3-venv) or name it: PYTHON=FILE $0"
}

make_venv() {
    if "$VENV/bin/python" -c '' 2>/dev/null; then
        return
    fi
    if [ -e "$VENV" ] && [ ! -e "$VENV/pyvenv.cfg" ]; then
        fail "$VENV is in the way and no virtual environment; move it, or name another place: VENV=FOLDER $0"
    fi
    local python
    python=$(find_python) || exit
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python has no venv; install it (Debian: apt install python3-venv)"
    printf 'making %s\n' "$VENV"
    "$python" -m venv --clear "$VENV" || fail "cannot make $VENV"
}

# An install with an extra counts for one without.
install() {
    local stamp wanted
    stamp=$VENV/installed${1:+-$1}
    wanted="$(cksum <"$ROOT/pyproject.toml") $ROOT"
    make_venv
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    printf 'installing securechat%s into %s\n' "${1:+ with what its tests need}" "$VENV"
    (cd "$ROOT" && "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".${1:+[$1]}") ||
        fail "the installation failed; what pip says is above"
    printf '%s\n' "$wanted" | tee "$VENV/installed" >"$stamp"
}
