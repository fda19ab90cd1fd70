"""`python -m pipeline.cli`: the `bookcast` program, where its script is not on the path."""

from pipeline.cli import run

if __name__ == "__main__":  # worker processes import this file again
    run()
