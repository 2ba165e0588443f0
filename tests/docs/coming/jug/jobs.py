from shareout import run


def job(n: int) -> int:
    return n * n


if __name__ == "__main__":
    run(job)
