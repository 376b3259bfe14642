# Sourced by demo, test and check: from a machine with Python and git to a ready .venv, quick when nothing changed.
# Prerequisites that pip cannot bring are installed where this user may, and otherwise named.

python=.venv/bin/python

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

stop() {
  say "$@"
  exit 2
}

# prepare_venv [test]: .venv with what pyproject.toml asks for, at the versions of constraints.txt.
prepare_venv() {
  local extra=${1:-} stamp=.venv/.ready${1:+-$1} wanted
  wanted=$(cat pyproject.toml constraints.txt | cksum)
  [[ -x $python && -f $stamp && $(<"$stamp") == "$wanted" ]] && return
  [[ -x $python ]] || create_venv
  say "installing what pyproject.toml asks for${extra:+, with what the tests need} (about a minute the first time)"
  PYTHONWARNINGS=ignore "$python" -m pip install -q --disable-pip-version-check \
    -e ".${extra:+[$extra]}" -c constraints.txt ||
    stop "pip could not install; its message is above"
  echo "$wanted" >"$stamp"
  [[ -z $extra ]] || echo "$wanted" >.venv/.ready
}

create_venv() {
  local found=${PYTHON:-} candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    [[ -z $found ]] && new_enough "$candidate" && found=$candidate
  done
  new_enough "${found:-none}" ||
    stop "needs Python 3.11 or newer, but ${PYTHON:-python3} is: $("${PYTHON:-python3}" --version 2>&1)." \
      "PYTHON=/path/to/python3.11 names another one"
  "$found" -c 'import ensurepip' 2>/dev/null || system_packages "to make a virtual environment" python3-venv
  "$found" -m venv .venv || stop "$found -m venv .venv failed; its message is above"
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# OpenCV's wheel draws windows too, so it links against libraries that a server may lack.
prepare_cv2() {
  "$python" -c 'import cv2' 2>/dev/null || system_packages "for OpenCV" libgl1 libglib2.0-0
  "$python" -c 'import cv2' || stop "OpenCV still does not import; the line above says what it misses"
}

# system_packages WHY NAME…: Debian packages, installed where we are root, else asked for.
system_packages() {
  local why=$1 output
  shift
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    say "please install $* $why (on Debian or Ubuntu: sudo apt-get install $*)"
    return 1
  fi
  say "installing $* $why"
  export DEBIAN_FRONTEND=noninteractive
  output=$({ apt-get update -q && apt-get install -y -q --no-install-recommends "$@"; } 2>&1 </dev/null) && return
  say "apt-get could not install $*: $(tail -n 3 <<<"$output")"
  return 1
}
