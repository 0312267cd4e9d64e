# The Python environment: made on first use, again when its requirements change. Sourced by run_eval.sh and scripts/*.
#
#   prepare_environment NAME REQUIREMENTS...   installs what is missing and sets $python
#
# SNN_EVAL_PYTHON  an interpreter to use as it is; nothing is installed
# SNN_EVAL_VENV    where the environment lives (default: .venv beside run_eval.sh)
# pip's own settings (PIP_INDEX_URL, pip.conf, …) hold. Written for bash 3.2, the one macOS has.
# shellcheck shell=bash

minimum_python=3.11

say() { printf 'snn-eval: %s\n' "$*" >&2; }

stop() {
  say "$@"
  exit 2
}

prepare_environment() { # NAME REQUIREMENTS...
  local name=$1
  shift
  : "${root:?the sourcing script sets it to the checkout}"
  export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
  if [ -n "${SNN_EVAL_PYTHON:-}" ]; then
    python=$SNN_EVAL_PYTHON
    usable "$python" || stop "SNN_EVAL_PYTHON=$python: expected a Python of at least $minimum_python"
    return
  fi
  venv=${SNN_EVAL_VENV:-$root/.venv}
  case $venv in /*) ;; *) venv=$PWD/$venv ;; esac
  python=$venv/bin/python
  stamp=$venv/.snn-eval-$name
  is_ready "$@" && return
  if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ] && [ ! -e "$venv/.snn-eval-made" ] && [ -n "$(ls -A "$venv")" ]; then
    stop "$venv is not a Python environment and not empty: choose another folder with SNN_EVAL_VENV"
  fi
  take_lock "$venv.lock"
  is_ready "$@" || install "$@" # another set-up may have done it while this one waited
  release_lock
}

usable() { "$1" -c "import sys; sys.exit(sys.version_info < (${minimum_python/./, }))" >/dev/null 2>&1; }

# The stamp holds all that decides what is installed: interpreter, place, requirements.
wanted() {
  "$python" -V
  printf '%s\n' "$root"
  local file
  for file in "$@"; do cat "$file"; done
}

is_ready() {
  [ -e "$stamp" ] && [ -x "$python" ] && [ ! -e "$venv/.snn-eval-installing" ] &&
    [ "$(cat "$stamp")" = "$(wanted "$@" 2>/dev/null)" ]
}

install() {
  local started=$SECONDS
  if [ -e "$venv/.snn-eval-made" ]; then
    # Ours, and cut short or with a dead interpreter: begin anew (downloads are still in pip's cache).
    if [ -e "$venv/.snn-eval-installing" ] || ! "$python" -m pip --version >/dev/null 2>&1; then rm -rf "$venv"; fi
  fi
  if [ ! -e "$venv/pyvenv.cfg" ]; then
    check_disk
    find_python
    say "setting up $venv with $("$base_python" -V) (once; several gigabytes, some minutes)"
    if ! { mkdir -p "$venv" && touch "$venv/.snn-eval-made" "$venv/.snn-eval-installing"; }; then stop "cannot write to $venv"; fi
    "$base_python" -m venv "$venv" || stop "$base_python could not make an environment in $venv"
  else
    usable "$python" || stop "$python: expected a Python of at least $minimum_python; remove $venv and run this again"
    say "updating $venv"
    touch "$venv/.snn-eval-installing" || stop "cannot write to $venv"
  fi
  local file options=()
  for file in "$@"; do options+=(-r "$file"); done
  run_pip "${options[@]}"
  run_pip --no-deps --editable "$root"
  say "compiling the counting kernels"
  "$python" -m snn_eval.run.warm >>"$venv/install.log" 2>&1 || say "that failed (see $venv/install.log); the first run will try again"
  wanted "$@" >"$stamp.part" && mv "$stamp.part" "$stamp"
  rm -f "$venv/.snn-eval-installing"
  say "ready after $((SECONDS - started)) s"
}

run_pip() {
  local log=$venv/install.log
  printf '\npip install %s\n' "$*" >>"$log"
  if ! "$python" -m pip install --disable-pip-version-check --no-input --progress-bar off "$@" 2>&1 | tee -a "$log" | summary; then
    tail -n 15 "$log" >&2
    rm -f "$venv/.snn-eval-installing" # pip ended by itself, so what it installed is whole: the next try goes on from here
    stop "pip failed; its last lines are above, all of them in $log"
  fi
}

# Of pip's lines, those worth a user's attention: large downloads and the last step.
summary() {
  awk '/^ *Downloading .* \([0-9.]+ (MB|GB)\)/ { n = split($2, path, "/"); split(path[n], part, "-")
         printf "snn-eval:   downloading %s %s %s %s\n", part[1], part[2], $(NF-1), $NF; fflush() }
       /^Installing collected packages/ && NF > 4 { printf "snn-eval:   installing %d packages\n", NF - 3; fflush() }' >&2
}

check_disk() {
  [ -n "${SNN_EVAL_SKIP_DISK_CHECK:-}" ] && return
  local need=3 folder=$venv free
  [ "$(uname -s)" = Linux ] && need=8 # torch for Linux brings the CUDA libraries
  while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
  free=$(df -Pk "$folder" | awk 'NR == 2 { printf "%d", $4 / 1048576 }')
  [ "$free" -ge "$need" ] || stop "set-up needs about $need GB free in $folder, found $free GB:" \
    "free some, choose another folder with SNN_EVAL_VENV, or set SNN_EVAL_SKIP_DISK_CHECK=1"
}

find_python() {
  local candidate found=
  for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
    usable "$candidate" || continue
    found=$candidate
    base_python=$candidate
    "$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1 && return
  done
  [ -z "$found" ] || stop "$found has no venv module: install it (Debian, Ubuntu: apt install python3-venv)"
  stop "no Python of at least $minimum_python found: install one, or name it with SNN_EVAL_PYTHON"
}

# One set-up at a time. mkdir is atomic everywhere; a lock whose process is gone is taken over.
take_lock() {
  lock=$1
  local told=
  mkdir -p "$(dirname "$lock")" 2>/dev/null || stop "cannot write to $(dirname "$lock")"
  until mkdir "$lock" 2>/dev/null; do
    [ -d "$lock" ] || stop "cannot write to $(dirname "$lock")"
    if abandoned; then
      # rename is atomic too: of several waiters one gets the dead lock
      mv "$lock" "$lock.$$" 2>/dev/null && rm -rf "$lock.$$"
      continue
    fi
    [ -n "$told" ] || say "another set-up is at work ($(cat "$lock/owner" 2>/dev/null)); waiting. If none is, remove $lock"
    told=yes
    sleep 1
  done
  trap release_lock EXIT
  trap 'exit 130' INT TERM HUP
  echo "process $$ on $(uname -n)" >"$lock/owner"
}

abandoned() {
  local pid host _
  if ! read -r _ pid _ host 2>/dev/null <"$lock/owner"; then
    [ -n "$(find "$lock" -prune -mmin +1 2>/dev/null)" ] # killed between mkdir and writing its name
  elif [ "$host" != "$(uname -n)" ]; then
    [ -n "$(find "$lock" -prune -mmin +120 2>/dev/null)" ] # another machine or container: its processes cannot be seen
  else
    [ "$pid" = "$$" ] || ! kill -0 "$pid" 2>/dev/null
  fi
}

release_lock() {
  rm -rf "$lock"
  trap - EXIT INT TERM HUP
}
