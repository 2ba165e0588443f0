#!/bin/sh
# Starts the program beside this file where /tmp is full, or mounted so that nothing in it may be executed:
# a one-file program unpacks itself into $TMPDIR before it can say anything. Takes the same arguments.
# Needs sh, chmod and rm; without df it takes free space for granted.
me=$(readlink -f -- "$0" 2>/dev/null) || me=$0
case $me in */*) here=${me%/*} ;; *) here=. ;; esac
program="$here/@PROGRAM@"
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
