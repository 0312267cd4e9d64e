#!/usr/bin/env bash
# Evaluates spiking networks; sets up its own environment on first use.
#
#   ./run_eval.sh                                      the suite and checkpoint that come with it
#   ./run_eval.sh --models digits ./model.pth          your own checkpoint
#   ./run_eval.sh --models mnist ./model.pth --data-dir ./data
#   ./run_eval.sh --help                               everything else
set -euo pipefail

script=${BASH_SOURCE[0]}
while [ -L "$script" ]; do # readlink -f is not everywhere
  target=$(readlink "$script")
  case $target in /*) script=$target ;; *) script=$(dirname "$script")/$target ;; esac
done
root=$(cd "$(dirname "$script")" && pwd -P)

# shellcheck source=scripts/environment.sh
. "$root/scripts/environment.sh"
prepare_environment run "$root/requirements.txt"
exec "$python" -m snn_eval run "$@"
