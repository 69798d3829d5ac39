"""Closes the session of a worker that is dead, so that its jobs need not wait for the lease. Imported only then."""

import os

import grpc

from treadle_domain.errors import DomainError
from treadle_domain.worker_session import SessionEnd
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store_access import StoreAccess
from treadle_wire.store_calls import StoreOutage, call
from treadle_wire.store_channel import open_channel
from treadle_worker.guard.orders import OpenSession

_LIMIT_SECONDS = 10.0
_PAUSES_SECONDS = (0.2, 0.5, 1.0, 1.0, 2.0, 2.0)


async def close_as_killed(session: OpenSession) -> str | None:
    """Why it could not be, in a sentence."""
    request = pb.CloseSessionRequest(session_id=session.id.bytes, reason=SessionEnd.KILLED.value)
    access = StoreAccess.from_environment(os.environ)
    async with open_channel(session.store_target, access) as channel:
        try:
            await call(
                access.stub(channel).CloseSession,
                request,
                deadline_seconds=_LIMIT_SECONDS,
                pauses_seconds=_PAUSES_SECONDS,
            )
        except (StoreOutage, DomainError, grpc.aio.AioRpcError) as error:
            return str(error)
    return None
