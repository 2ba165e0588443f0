#!/bin/sh
# Starts the program beside this file where /tmp is full, or mounted so that nothing in it may be executed:
# a one-file program unpacks itself into $TMPDIR before it can say anything. Takes the same arguments.
here=$(dirname -- "$(readlink -f -- "$0" 2>/dev/null || echo "$0")")
program="$here/@PROGRAM@"
needed_kib=@NEEDED_KIB@

works() {
  [ -n "$1" ] && [ -d "$1" ] && [ -w "$1" ] || return 1
  free_kib=$(df -Pk -- "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')
  [ "${free_kib:-0}" -ge "$needed_kib" ] || return 1
  probe="$1/.shareout-probe-$$"
  (umask 077; printf '#!/bin/sh\nexit 0\n' >"$probe" && chmod 700 "$probe") 2>/dev/null || return 1
  "$probe" 2>/dev/null
  answer=$?
  rm -f -- "$probe"
  return "$answer"
}

for folder in "${TMPDIR:-}" /tmp /var/tmp "${XDG_RUNTIME_DIR:-}" "${XDG_CACHE_HOME:-$HOME/.cache}" "$HOME" /dev/shm "$here" "$PWD"; do
  if works "$folder"; then
    TMPDIR=$folder
    export TMPDIR
    exec "$program" "$@"
  fi
done
echo "shareout: no folder was found to unpack into: it must be writable, allow programs, and have $needed_kib KiB free" >&2
echo "Name one: TMPDIR=/path/to/folder $program" >&2
exit 2
