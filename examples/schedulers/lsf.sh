#!/bin/sh
# An element of the array is a machine of machines.json, which names three: bsub < lsf.sh
#BSUB -J "jobs[1-3]"
#BSUB -n 4
#BSUB -R "span[hosts=1]"
#BSUB -W 4:00
#BSUB -o jobs.%I.out
# Ten minutes before its time is up it starts nothing new.
#BSUB -wa USR1
#BSUB -wt 10

exec ./shareout run --machine auto
