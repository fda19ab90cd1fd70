"""A Prefect server that the tests of flows share."""

from collections.abc import Iterator

import pytest

from flows.server import PrefectServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that stands by itself, as one that several machines share; one for all test processes."""
    with PrefectServer(tmp_path_factory.getbasetemp().parent / "standing") as standing:
        yield standing.wait()
