#!/bin/bash
# spit's server by its own words: spit-server.sh [-p PORT] INFILE DONEFILE [FLAG of serve …]. Needs jq.
# Tells what spit's log tells of each task as it ends; a done line reaches DONEFILE at once. Killed, the same call goes on:
# what is done is told again and not run again, what had failed runs again, as there. What runs a task is the workers' -c.
set -o pipefail
port=2345
[ "$1" = -p ] && { port=$2; shift 2; }
infile=$1 donefile=$2
shift 2
total=$(grep -c '[^[:space:]]' "$infile")
[ -e runs ] && shareout requeue --failed --quiet >/dev/null 2>&1
echo "time=$(date +%s.%N),op=ready,port=$port,ntodo=$total,nassigned=0,ndone=0,nfailed=0"
: >"$donefile"
shareout serve --port "$port" --template 'sh -c '\''$0 $1'\'' "$SPIT_COMMAND" {}' --outcomes "$infile" "$@" |
    jq --unbuffered -nr --argjson total "$total" 'foreach inputs as $one ({done: 0, failed: 0};
        if $one.state == "done" then .done += 1 else .failed += 1 end;
        "time=\($one.end),op=stats,start=\($one.start),end=\($one.end)",
        "time=\(now),op=mark-\($one.state),ok=true,ntodo=\($total - .done - .failed),nassigned=0,ndone=\(.done),nfailed=\(.failed),task_id=\($one.given)")' |
    while IFS= read -r line; do
        printf '%s\n' "$line"
        case $line in *,op=mark-done,*) printf '%s\n' "${line#*,task_id=}" >>"$donefile" ;; esac
    done
code=$?
done=$(grep -c '' "$donefile") failed=$(shareout list --failed --format line 2>/dev/null | grep -c '')
echo "time=$(date +%s.%N),op=exit,ntodo=$((total - done - failed)),nassigned=0,ndone=$done,nfailed=$failed"
exit $code
