"""`bookcast up`: Prefect's server and page, with the flows ready to be started and retried there."""

import os
import subprocess
import sys
import time

from pipeline.cli.session import interruptible, options, say
from pipeline.errors import StoreError


def up() -> None:
    """Serve Prefect's page with the flows, until Ctrl-C. Runs that are started meanwhile use this server."""
    from flows.environment import prefect_environment
    from flows.server import PrefectServer

    options.data.mkdir(parents=True, exist_ok=True)
    with interruptible(), PrefectServer(options.data) as server:
        api_url = server.wait()
        environment = {
            **os.environ,
            **prefect_environment(options.data, api_url),
            "BOOKCAST_DATA": str(options.data.resolve()),
        }
        if options.config:
            environment["BOOKCAST_CONFIG"] = str(options.config.resolve())
        runner = subprocess.Popen([sys.executable, "-m", "flows.deployments"], env=environment, start_new_session=True)
        try:
            say(f"Prefect's page: {server.page_url}   (Ctrl-C ends it)")
            while runner.poll() is None:
                time.sleep(0.5)
            raise StoreError("The runner ended by itself", remedy="look at the lines above")
        except KeyboardInterrupt:
            say("Stopping.")
        finally:
            runner.terminate()
            try:
                runner.wait(8)
            except subprocess.TimeoutExpired:
                runner.kill()
