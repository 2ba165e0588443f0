#!/bin/sh
# [hooks]
# on_finish = MAIL_TO=me@example.org examples/hooks/mail.sh
# The counts in the subject, the summary (JSON) as the text.
exec mail -s "shareout on $SHAREOUT_MACHINE: $SHAREOUT_REASON, $SHAREOUT_DONE of $SHAREOUT_JOBS done, $SHAREOUT_FAILED failed" "$MAIL_TO"
