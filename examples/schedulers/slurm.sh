#!/bin/sh
# An element of the array is a machine of machines.json, which names three: sbatch slurm.sh
#SBATCH --job-name=jobs
#SBATCH --array=0-2
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
# Two minutes before its time is up it starts nothing new; what is left goes on when this is submitted again.
#SBATCH --signal=B:USR1@120

# By exec the signal comes to the run, and not to a shell that dies of it.
exec ./shareout run --machine auto
