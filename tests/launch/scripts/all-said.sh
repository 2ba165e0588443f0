#!/bin/sh
# Of the plan jagis-vijav-bopij-futug: element k is its k-th machine, counted from 0. What is done is not done again,
# whichever node an element runs on, and however often it is submitted: sbatch launch/slurm.sh
#SBATCH --job-name=shareout-0123456789ab
#SBATCH --array=1-2
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=8192M
#SBATCH --gpus-per-node=2
#SBATCH --time=1-03:47:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=launch/slurm-%A_%a.out
#SBATCH --signal=B:USR1@120
#SBATCH --partition=long
#SBATCH --mail-type=END --mail-user=me@example.org

cd -- '/data/$x' || exit 1
# Newer ones say when the time is up. No job begins that would not end before the signal.
: "${SLURM_JOB_END_TIME:=$(($(date +%s) + 99880))}"
export SLURM_JOB_END_TIME
exec /opt/main run --machine auto --configs 'my configs' --expect jagis-vijav-bopij-futug
