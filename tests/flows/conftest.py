"""A Prefect server that the tests of flows share."""

import os
from collections.abc import Iterator

import pytest

from flows.server.prefect_server import PrefectServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs a Prefect server is long: to start one takes ten seconds of a core."""
    for item in items:
        if "server" in getattr(item, "fixturenames", ()):
            item.add_marker("long")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server that stands by itself, as one that several machines share; one for all test processes."""
    base = tmp_path_factory.getbasetemp()
    # without worker processes of pytest-xdist, the folder above is that of every other test run on this machine
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with PrefectServer(shared / "standing") as standing:
        standing.wait()
        yield standing
