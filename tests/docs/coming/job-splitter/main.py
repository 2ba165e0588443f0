#!/usr/bin/env python
from shareout import run


def job(number: int) -> int:
    return number * number


if __name__ == "__main__":
    run(job, pool=range(20))
