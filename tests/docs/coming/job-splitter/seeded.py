#!/usr/bin/env python
from shareout.job_splitter import run_jobs


def job(number, random_obj, config, *, progress):
    return number, random_obj.random()


if __name__ == "__main__":
    run_jobs(job, [(number,) for number in range(20)], override_seed=b"as there")
