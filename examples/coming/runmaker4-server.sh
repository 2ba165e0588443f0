#!/bin/bash
# Runmaker4's server by its own words: runmaker4-server.sh [-p PORT] [-t TOKENFILE] runs.txt [FLAG of serve …]
# It stays when all is done; runs.txt itself is not written: `shareout export --format runmaker` gives it with its letters.
port=9998 file=$HOME/.runmaker4.token
while getopts p:t:l:vq flag; do
    case $flag in p) port=$OPTARG ;; t) file=$OPTARG ;; *) ;; esac
done
shift $((OPTIND - 1))
shareout serve --bind 0.0.0.0 --keep --port "$port" "$@" 2>&1 | while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in *'the token is in '*)
        token=${line#*the token is in } token=${token%%: *}
        (umask 077 && cat "$token" >"$file")
        echo "Token for runmaker4-client.sh: $(cat "$file") (written to $file)" ;;
    esac
done
