#!/bin/sh
# [hooks]
# on_finish = SLACK_URL=https://hooks.slack.com/services/… examples/hooks/slack.sh
# A message for an incoming webhook; quotes and backslashes of a name are escaped.
machine=$(printf %s "$SHAREOUT_MACHINE" | sed 's/[\\"]/\\&/g')
printf '{"text":"shareout on %s: %s, %s of %s done, %s failed"}' \
  "$machine" "$SHAREOUT_REASON" "$SHAREOUT_DONE" "$SHAREOUT_JOBS" "$SHAREOUT_FAILED" |
  curl --fail --silent --show-error --max-time 60 --header 'Content-Type: application/json' --data-binary @- "$SLACK_URL"
