"""The channel to the store, and what Prometheus is told of it."""

from collections.abc import Iterator
from time import perf_counter
from typing import Any

import grpc
from grpc.aio import AioRpcError
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from treadle_wire.metrics import Calls


class MeteredChannel(Collector):
    """As much of a channel as a stub needs. An interceptor would cost a task per call.

    Every try of a call counts; of those that are made at two stores at once the slower one is CANCELLED.
    """

    def __init__(self, channel: grpc.aio.Channel, registry: CollectorRegistry) -> None:
        self._channel = channel
        self._calls = Calls(registry, "treadle_api_store", "Calls to the store by how they ended")
        registry.register(self)

    def unary_unary(self, path: str, *how: Any, **more: Any) -> Any:
        ask: Any = self._channel.unary_unary(path, *how, **more)
        method = path.rpartition("/")[2]

        async def ask_and_count(request: Any, **options: Any) -> Any:
            began, status = perf_counter(), "CANCELLED"
            try:
                answer = await ask(request, **options)
                status = "OK"
            except AioRpcError as error:
                status = error.code().name
                raise
            finally:
                self._calls.add(method, status, perf_counter() - began)
            return answer

        return ask_and_count

    def collect(self) -> Iterator[Metric]:
        states = GaugeMetricFamily(
            "treadle_api_store_channel",
            "1 for the state in which the channel to the store is",
            labels=["state"],
        )
        present = self._channel.get_state()
        for state in grpc.ChannelConnectivity:
            states.add_metric([state.name.lower()], float(state is present))
        yield states
