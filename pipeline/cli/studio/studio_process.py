"""The studio as a process of its own: `python -m pipeline.cli.studio.studio_process HOST PORT`.

The data directory, the settings and Prefect's address come from the environment, as `bookcast up` sets it.
"""

import sys

if __name__ == "__main__":  # worker processes import this file again, and need nothing of the studio
    from pipeline.cli.studio.serve_studio import serve_studio

    serve_studio(sys.argv[1], int(sys.argv[2]))
