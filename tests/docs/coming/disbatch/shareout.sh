#!/bin/sh
# Stands for the one that lies beside an executable.
exec shareout "$@"
