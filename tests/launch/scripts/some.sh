#!/bin/sh
# Of the plan jagis-vijav-bopij-futug: element k is its k-th machine, counted from 0. What is done is not done again,
# whichever node an element runs on, and however often it is submitted: sbatch launch/slurm.sh
#SBATCH --job-name=shareout-0123456789ab
#SBATCH --array=0,3
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --time=00:02:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=launch/slurm-%A_%a.out
#SBATCH --signal=B:USR1@22

cd -- '/it'"'"'s a
'"'"'folder'"'"'' || exit 1
# Newer ones say when the time is up. No job begins that would not end before the signal.
: "${SLURM_JOB_END_TIME:=$(($(date +%s) + 68))}"
export SLURM_JOB_END_TIME
exec /opt/main run --machine auto --configs 'my configs' --expect jagis-vijav-bopij-futug
