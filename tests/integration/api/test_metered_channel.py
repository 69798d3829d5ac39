"""What Prometheus is told of the channel when no store is there."""

import grpc
import pytest
from prometheus_client import CollectorRegistry
from tests.eventually import eventually
from tests.seen_metrics import Seen

from treadle_api.adapters.outbound.metered_channel import MeteredChannel
from treadle_wire.store.v1 import job_store_pb2 as pb
from treadle_wire.store_access import StoreAccess


@pytest.mark.parametrize("token", [None, "a token"])
async def test_calls_that_reach_no_store_are_counted_and_the_channel_shows_it(
    token: str | None,
) -> None:
    registry = CollectorRegistry()
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        metered = MeteredChannel(channel, registry)
        rpc = StoreAccess(token=token).stub(metered)  # type: ignore[arg-type]

        with pytest.raises(grpc.aio.AioRpcError):
            await rpc.ListQueues(pb.ListQueuesRequest(), timeout=5)

        def seen() -> Seen:
            return Seen([*registry.collect()])

        asked = {"method": "ListQueues", "status": "UNAVAILABLE"}
        assert seen()("treadle_api_store_calls_total", **asked) == 1
        assert seen()("treadle_api_store_call_duration_seconds_count") == 1
        await eventually(lambda: not seen()("treadle_api_store_channel", state="ready"))
        assert seen()("treadle_api_store_channel") == 1
