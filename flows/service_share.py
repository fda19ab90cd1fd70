"""A batch's share of a service: slots of a Prefect global concurrency limit, so that machines together keep it.

A lease is as short as Prefect allows. On one machine nobody waits for it to run out: who finds no slot
free gives back those of programs that have died; leases of another machine run out.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError

from pipeline.errors import StoreError
from pipeline.stages.context import Context
from pipeline.store.leases import Leases

LEASE_S = 60.0
"""The shortest that Prefect 3.8 grants."""
RENEW_S = 20.0
POLL_S = 0.5
LOCKED = 423


def limit_name(backend: str) -> str:
    """The name of a backend's global concurrency limit."""
    return f"bookcast-{backend}"


def ensure_limit(backend: str, concurrency: int) -> None:
    """Create the limit on the server, or bring it to what the settings say.

    Raises:
        StoreError: the server does not take it.
    """
    name = limit_name(backend)
    with get_client(sync_client=True) as client:
        for is_last in (False, True):  # another program may create it at the same moment; then it is there next time
            try:
                client.upsert_global_concurrency_limit_by_name(name, concurrency)
                return
            except Exception as error:  # Prefect says it in several ways
                if is_last:
                    raise _unusable(name, error) from error


@contextmanager
def share_of_service(context: Context, backend: str, slots: int, check_stopping: Callable[[], None]) -> Iterator[None]:
    """Hold `slots` of the limit of `backend`.

    Raises:
        StoreError: the limit is not on the server, or the server does not answer.
        Interrupted: while waiting.
    """
    with get_client(sync_client=True) as client:
        leases = Leases(str(client.api_url), context.store.owner)
        lease = _acquire(client, leases, limit_name(backend), slots, check_stopping)
        leases.note(str(lease))
        ended = threading.Event()
        # in this context: Prefect keeps the address of its server there
        renewal = threading.Thread(target=copy_context().run, args=(_renew, lease, ended), daemon=True)
        renewal.start()
        try:
            yield
        finally:
            ended.set()
            renewal.join()
            _release(client, lease)
            leases.forget(str(lease))


def _acquire(
    client: SyncPrefectClient, leases: Leases, name: str, slots: int, check_stopping: Callable[[], None]
) -> UUID:
    waiting = threading.Event()
    while True:
        check_stopping()
        try:
            answer = client.increment_concurrency_slots_with_lease([name], slots, "concurrency", LEASE_S).json()
        except PrefectHTTPStatusError as error:
            if error.response.status_code != LOCKED:
                raise _unusable(name, error) from error
            for lease in leases.of_the_dead():
                _release(client, UUID(lease))
                leases.forget(lease)
            waiting.wait(POLL_S)
            continue
        except Exception as error:  # no connection, or an answer that is none
            raise _unusable(name, error) from error
        if not answer["limits"]:  # Prefect lets everybody pass where a limit is missing
            raise _unusable(name, "it is not there")
        return UUID(answer["lease_id"])


def _unusable(name: str, why: object) -> StoreError:
    return StoreError(
        f"The concurrency limit {name} of the Prefect server cannot be used: {why}",
        remedy="start again, which creates it, or narrate with --direct",
    )


def _renew(lease: UUID, ended: threading.Event) -> None:
    with get_client(sync_client=True) as client:
        while not ended.wait(RENEW_S):
            try:
                client.renew_concurrency_lease(lease, LEASE_S)
            except Exception:  # whatever ails the server: the next beat tries again, two may be missed
                continue


def _release(client: SyncPrefectClient, lease: UUID) -> None:
    try:
        client.release_concurrency_slots_with_lease(lease)
    except Exception:  # a lease that cannot be given back runs out by itself
        return
