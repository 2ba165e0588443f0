#!/bin/bash
# spit's workers by their own words: spit-workers.sh [-s HOST] [-p PORT] [-x WORKERS] [-n TASKS] [-d DIR] [-o] -c COMMAND
# The line of a task is put behind COMMAND as its last words. The token, a copy of serve's, is ~/.spit.token or $SPIT_TOKEN.
host=localhost port=2345 workers=1 tasks='' dir='' screen=''
while getopts s:p:x:n:d:oPc: flag; do
    case $flag in
        s) host=$OPTARG ;; p) port=$OPTARG ;; x) workers=$OPTARG ;; n) tasks=$OPTARG ;;
        d) dir=$OPTARG ;; o | P) screen=--tee ;; c) export SPIT_COMMAND=$OPTARG ;; *) exit 2 ;;
    esac
done
: "${SPIT_COMMAND:?say -c COMMAND}"
batch=$(hostname)-$(date +%s)
printf 'worker_count=%s\nwork_dir=%s\nbatch_id=%s\n' "$workers" "$dir" "$batch"
[ "$dir" ] && { mkdir -p "$dir" && exec >"$dir/$batch.out" 2>"$dir/$batch.err"; screen=--tee; }
exec shareout join "nats://$host:$port" --token-file "${SPIT_TOKEN:-$HOME/.spit.token}" --yes -j "$workers" \
    ${tasks:+-n $((tasks * workers))} $screen
