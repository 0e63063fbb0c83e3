#!/usr/bin/env bash
# Build .venv with the pinned packages. Does nothing when it is up to date.
#
# Up to date means: .venv/.installed holds the fingerprint of constraints.txt, pyproject.toml, this script and the
# folder's path. The stamp is removed first and written last, so a killed or failed run is repeated by the next one.
# PYTHON=/path/to/python3.11 chooses the interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly VENV=.venv STAMP=.venv/.installed

die() { echo "setup: $*" >&2; exit 1; }
has_module() { "$1" -c "import $2" >/dev/null 2>&1; }
has_library() { "$1" -c "import ctypes; ctypes.CDLL('$2')" >/dev/null 2>&1; }
has_header() { "$1" -c "import os, sysconfig as s; assert os.path.exists(s.get_path('include') + '/Python.h')" >/dev/null 2>&1; }

fingerprint() { { pwd; cat constraints.txt pyproject.toml scripts/setup.sh; } | sha256sum | cut -d' ' -f1; }

up_to_date() { [[ -f $STAMP && $(<"$STAMP") == "$(fingerprint)" ]] && "$VENV/bin/python" -c '' 2>/dev/null; }

# Print the interpreter to use: $PYTHON, else python3.11, else python3, if its version is one nerfstudio runs on.
find_python() {
  local candidate version
  for candidate in ${PYTHON:-python3.11 python3}; do
    # A version manager's shim can exist without a version behind it, so run it instead of asking `command -v`.
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    case $version in
      3.10 | 3.11 | 3.12) echo "$candidate"; return ;;
      *) die "$candidate is Python $version; nerfstudio 1.1.5 needs 3.10, 3.11 (tested) or 3.12. Install python3.11 or set PYTHON." ;;
    esac
  done
  die "no Python found (tried: ${PYTHON:-python3.11 python3}). Install python3.11, or set PYTHON to an interpreter."
}

# Print the Debian packages that are missing. Argument: the interpreter.
missing_packages() {
  local version
  version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  has_module "$1" ensurepip && has_module "$1" venv || echo "python$version-venv"
  has_header "$1" || echo "python$version-dev"                                  # pyliblzfse (viser) ships source only
  command -v gcc >/dev/null || command -v cc >/dev/null || echo "gcc libc6-dev" # the same
  has_library "$1" libusb-1.0.so.0 || echo libusb-1.0-0                         # open3d (ns-export)
  has_library "$1" libGL.so.1 || echo libgl1                                    # open3d, pymeshlab (ns-export)
  has_library "$1" libEGL.so.1 || echo libegl1                                  # open3d
  has_library "$1" libOpenGL.so.0 || echo libopengl0                            # pymeshlab
}

# Install what is missing when we may, otherwise say how. Argument: the interpreter.
check_system() {
  [[ $(uname -s) == Linux ]] || return 0
  local missing
  missing=$(missing_packages "$1" | xargs)
  [[ -n $missing ]] || return 0
  if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
    echo "setup: installing system packages: $missing"
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
    missing=$(missing_packages "$1" | xargs)
    [[ -z $missing ]] || die "still missing after installing: $missing"
  else
    die "system packages are missing (Debian names). Run: sudo apt-get update && sudo apt-get install -y $missing   (then again: make setup)"
  fi
}

main() {
  up_to_date && return
  local python
  python=$(find_python)
  check_system "$python"
  if ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "setup: creating $VENV with $("$python" --version) (about 3 minutes and 8 GB the first time)"
    "$python" -m venv --clear "$VENV"
  fi
  rm -f "$STAMP"
  "$VENV/bin/python" -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[train,demo,masks,text,video,docs,dev]' ||
    die "pip failed; see above. Nothing was stamped: run make setup again."
  fingerprint >"$STAMP.new" && mv "$STAMP.new" "$STAMP"
  echo "setup: $VENV is ready"
}

# Two makes at once must not both install: the second waits here and then finds the work done.
if ! up_to_date && command -v flock >/dev/null; then
  exec 9<constraints.txt
  flock 9
fi
main
