#!/bin/sh
# By `sbatch -n 20 -c 4 @NAME@.sh run Tasks` it runs on all nodes that it gets; the time before its end is to end orderly.
#SBATCH --signal=B:USR1@120
#SBATCH --open-mode=append
#SBATCH --no-kill
# Starts the program beside this file where /tmp is full, or mounted so that nothing in it may be executed:
# a one-file program unpacks itself into $TMPDIR before it can say anything. Takes the same arguments.
# Needs sh, chmod and rm; without df it takes free space for granted.
me=$(readlink -f -- "$0" 2>/dev/null) || me=$0
case $me in */*) here=${me%/*} ;; *) here=. ;; esac
if [ -n "${SLURM_JOB_ID:-}" ] && [ ! -e "$here/@PROGRAM@" ]; then
  # Slurm runs a copy of this file, elsewhere.
  call=$(scontrol show job "$SLURM_JOB_ID" 2>/dev/null | sed -n 's/^ *Command=//p;' | head -n 1)
  [ $# -eq 0 ] || call=${call%" $*"}
  me=$(readlink -f -- "$call" 2>/dev/null) || me=$call
  case $me in */*) here=${me%/*} ;; *) here=$SLURM_SUBMIT_DIR ;; esac
  [ -e "$here/@PROGRAM@" ] || here=$SLURM_SUBMIT_DIR
fi
program="$here/@PROGRAM@"
[ -e "$program" ] || { echo "shareout: $program is not there: it belongs beside this file" >&2; exit 2; }
needed_kib=@NEEDED_KIB@

works() {
  [ -n "$1" ] && [ -d "$1" ] && [ -w "$1" ] || return 1
  free_kib=$(df -Pk -- "$1" 2>/dev/null | awk 'NR == 2 { print $4 }' 2>/dev/null)
  [ "${free_kib:-$needed_kib}" -ge "$needed_kib" ] 2>/dev/null || return 1
  probe="$1/.shareout-probe-$$"
  (umask 077; printf '#!/bin/sh\nexit 0\n' >"$probe" && chmod 700 "$probe") 2>/dev/null || return 1
  "$probe" 2>/dev/null
  answer=$?
  rm -f -- "$probe"
  return "$answer"
}

for folder in "${TMPDIR:-}" /tmp /var/tmp "${XDG_RUNTIME_DIR:-}" "${XDG_CACHE_HOME:-${HOME:-}/.cache}" "${HOME:-}" /dev/shm "$here" "$PWD"; do
  if works "$folder"; then
    TMPDIR=$folder
    export TMPDIR
    exec "$program" "$@"
  fi
done
echo "shareout: no folder was found to unpack into: it must be writable, allow programs, and have $needed_kib KiB free" >&2
echo "shareout: Name one: TMPDIR=/path/to/folder $program" >&2
exit 2
