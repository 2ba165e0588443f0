#!/usr/bin/env python
from shareout.job_splitter import run_jobs


def job(number, random_obj, config, *, progress):
    progress.report(number, base=20)
    return number, number * number


if __name__ == "__main__":
    run_jobs(job, [(number,) for number in range(20)])
