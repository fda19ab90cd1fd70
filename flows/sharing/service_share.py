"""A batch's share of a service: slots of a Prefect global concurrency limit, so that machines together keep it.

A lease is as short as Prefect allows. On one machine nobody waits for it to run out: who finds no slot
free gives back those of programs that have died; leases of another machine run out.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectHTTPStatusError

from flows.server.server_watch import is_own_server_lost, note, patiently
from pipeline.errors import StoreError
from pipeline.narration.core.context import Context
from pipeline.store.ownership.service_leases import Leases

LEASE_S = 60.0
"""The shortest that Prefect 3.8 grants."""
RENEW_S = 20.0
"""Three beats a lease, so that two may be missed."""
POLL_S = 0.5
ASK_S = 20.0
"""How long an answer may take; what listens at the port of a server that is gone may never give one."""
RELEASE_TRIES = 3
LOCKED = 423
"""Prefect's answer while the slots are taken."""


def limit_name(backend: str) -> str:
    """The name of a backend's global concurrency limit."""
    return f"bookcast-{backend}"


def ensure_limit(backend: str, concurrency: int) -> None:
    """Create the limit on the server, or bring it to what the settings say.

    Raises:
        StoreError: the server does not take it.
    """
    name = limit_name(backend)

    def create() -> None:
        with get_client(sync_client=True) as client:
            client.upsert_global_concurrency_limit_by_name(name, concurrency)

    try:
        _call(name, create)
    except StoreError:  # another program may have created it at the same moment; then it is there this time
        if not is_own_server_lost():
            _call(name, create)


@contextmanager
def share_of_service(context: Context, backend: str, slots: int, check_stopping: Callable[[], None]) -> Iterator[None]:
    """Hold `slots` of the limit of `backend`; nothing where our own server is lost, which no other machine used.

    Raises:
        StoreError: the limit is not on the server, or the server does not answer.
        Interrupted: while waiting.
    """
    with ExitStack() as stack:
        try:
            client = patiently(lambda: _open_client(stack), check_stopping)
            leases = Leases(str(client.api_url), context.store.owner)
            lease = _acquire(client, leases, limit_name(backend), slots, check_stopping)
        except StoreError:
            if not is_own_server_lost():
                raise
        else:
            stack.enter_context(_held(client, leases, lease))
        yield


def _open_client(stack: ExitStack) -> SyncPrefectClient:
    return stack.enter_context(get_client(httpx_settings={"timeout": ASK_S}, sync_client=True))


@contextmanager
def _held(client: SyncPrefectClient, leases: Leases, lease: UUID) -> Iterator[None]:
    """Keep the lease while this lasts."""
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
    while True:
        answer = _call(
            name,
            lambda: client.increment_concurrency_slots_with_lease([name], slots, "concurrency", LEASE_S).json(),
            check_stopping,
        )
        if answer is None:
            for lease in leases.of_the_dead():
                _release(client, UUID(lease))
                leases.forget(lease)
            time.sleep(POLL_S)
            continue
        if not answer["limits"]:  # Prefect lets everybody pass where a limit is missing
            raise _unusable(name, "it is not there")
        return UUID(answer["lease_id"])


def _call(name: str, ask: Callable[[], Any], check_stopping: Callable[[], None] = lambda: None) -> Any:
    """What Prefect's client gives; None where the slots of the limit are taken.

    Raises:
        StoreError: the server refuses, or is not there for long.
        Interrupted: while waiting.
    """
    try:
        return patiently(ask, check_stopping)
    except PrefectHTTPStatusError as error:
        if error.response.status_code == LOCKED:
            return None
        raise _unusable(name, error) from error


def _unusable(name: str, why: object) -> StoreError:
    return StoreError(
        f"The concurrency limit {name} of the Prefect server cannot be used: {why}",
        remedy="start again, which creates it, or narrate with --direct",
    )


def _renew(lease: UUID, ended: threading.Event) -> None:
    while not ended.wait(RENEW_S):
        note(lambda: _renew_once(lease))  # the next beat tries again; two may be missed


def _renew_once(lease: UUID) -> None:
    with get_client(sync_client=True) as client:
        client.renew_concurrency_lease(lease, LEASE_S)


def _release(client: SyncPrefectClient, lease: UUID) -> None:
    """A lease that cannot be given back runs out by itself."""
    for _ in range(RELEASE_TRIES):
        if note(lambda: client.release_concurrency_slots_with_lease(lease)) is not None:
            return
        time.sleep(POLL_S)
