#!/bin/sh
# [hooks]
# on_finish = NTFY_URL=https://ntfy.sh/my-runs examples/hooks/ntfy.sh
# on_failure = NTFY_URL=https://ntfy.sh/my-runs examples/hooks/ntfy.sh
# A line of text by POST, as ntfy and the like take it.
if [ -n "$SHAREOUT_JOB" ]; then
  said="job $SHAREOUT_JOB failed on $SHAREOUT_MACHINE: $SHAREOUT_ERROR"
else
  said="$SHAREOUT_MACHINE: $SHAREOUT_REASON, $SHAREOUT_DONE of $SHAREOUT_JOBS done, $SHAREOUT_FAILED failed"
fi
exec curl --fail --silent --show-error --max-time 60 --data-raw "$said" "$NTFY_URL"
