#!/bin/bash
# Runmaker4's client by its own words: runmaker4-client.sh [-jN] [--token TOKEN|FILE] [-p PORT] HOST
slots='' port=9998 token=$HOME/.runmaker4.token host=''
while [ $# -gt 0 ]; do
    case $1 in
        -j0) ;; -j?*) slots=${1#-j} ;; --token | -t) token=$2; shift ;; -p) port=$2; shift ;; *) host=$1 ;;
    esac
    shift
done
# A token among the words of a call is seen by everybody on this host, from here on it is not.
[ -r "$token" ] && token=$(cat "$token")
SHAREOUT_TOKEN=$token exec shareout join "nats://${host:?say which host}:$port" --yes --tee ${slots:+-j "$slots"}
