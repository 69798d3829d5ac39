"""A Valkey that a test may flush, fill or turn into a replica."""

from collections.abc import Iterator
from contextlib import contextmanager

from treadle_local.binaries import find_redis
from treadle_local.data_folder import throwaway_data_folder
from treadle_local.endpoints import free_port
from treadle_local.guard import Guard
from treadle_local.valkey_server import ValkeyServer


@contextmanager
def own_valkey() -> Iterator[str]:
    with throwaway_data_folder() as folder, Guard() as guard:
        server = ValkeyServer(folder=folder, program=find_redis(), guard=guard, port=free_port())
        with server:
            yield server.url
