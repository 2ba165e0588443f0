#!/bin/sh
# [hooks]
# on_finish = WEBHOOK_URL=https://example.org/runs examples/hooks/webhook.sh
# The summary as it comes on standard input: a JSON object.
exec curl --fail --silent --show-error --max-time 60 --header 'Content-Type: application/json' --data-binary @- "$WEBHOOK_URL"
