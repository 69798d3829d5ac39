"""The gRPC channel to the store: how it connects, balances and finds out that a peer is gone."""

import grpc

from treadle_wire.store_access import OPEN, StoreAccess

MAX_MESSAGE_BYTES = 9 * 1024 * 1024
"""A batch of 8 MiB and what surrounds it; the store has the same."""

_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    # While a ping of its own is under way (it measures bandwidth by them) gRPC sends none to keep alive.
    ("grpc.http2.ping_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
]


def open_channel(target: str, access: StoreAccess = OPEN) -> grpc.aio.Channel:
    """`host:port`, `dns:///host:port` of which every address is used, or `ipv4:address:port,address:port`.

    A peer that freezes is left after 8 s. Needs a running event loop. Raises OSError if a certificate cannot be read.
    """
    credentials = access.credentials()
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=_OPTIONS)
    return grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
