#!/bin/sh
# A task of the array is a machine of machines.json, which names three: qsub sge.sh
#$ -N jobs
#$ -t 1-3
#$ -pe smp 4
#$ -l h_rt=04:00:00
#$ -cwd
#$ -S /bin/sh
#$ -r y
# USR2 comes before KILL: jobs that run are ended, and are begun again when this is submitted again.
#$ -notify

exec ./shareout run --machine auto --until 3h50m
