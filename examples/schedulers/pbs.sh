#!/bin/sh
# An element of the array is a machine of machines.json, which names three: qsub pbs.sh
#PBS -N jobs
#PBS -J 0-2
#PBS -l select=1:ncpus=4:mem=8gb
#PBS -l walltime=04:00:00
#PBS -r y

cd "${PBS_O_WORKDIR:-.}" || exit
# PBS tells no program when its time is up: a little less than the walltime.
exec ./shareout run --machine auto --until 3h50m
