"""Which keys count."""

import pytest
from tests.fakes.in_memory_api_keys import InMemoryApiKeys

from treadle_api.application.errors import StoreUnavailable
from treadle_api.application.key_ring import KeyRing
from treadle_api.application.make_key import MakeKey, NewKey
from treadle_domain.api_key import Role


class Scene:
    def __init__(self) -> None:
        self.keys = InMemoryApiKeys()
        self.now = 100.0
        self.ring = KeyRing(self.keys, lambda: self.now)

    async def make(self) -> NewKey:
        return await MakeKey(self.keys)(
            namespace="default", name="billing", roles=frozenset({Role.READ})
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_key_counts_as_soon_as_it_is_made(scene: Scene) -> None:
    first = await scene.make()
    assert await scene.ring.key_of(first.token) == first.key
    scene.now += 1
    second = await scene.make()

    assert await scene.ring.key_of(second.token) == second.key


async def test_only_the_whole_token_counts(scene: Scene) -> None:
    made, other = await scene.make(), await scene.make()
    token = made.token

    for wrong in (
        "",
        "trd_",
        token[:-1],
        f"{token}x",
        token.upper(),
        f" {token}",
        token.replace(made.key.id, other.key.id),
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        made.key.digest.hex(),
    ):
        assert await scene.ring.key_of(wrong) is None, wrong


async def test_a_flood_of_wrong_keys_looks_at_the_store_once_a_second(scene: Scene) -> None:
    for number in range(1_000):
        assert await scene.ring.key_of(f"trd_{number:016x}_{'x' * 43}") is None

    assert scene.keys.looks == 1
    scene.now += 1
    await scene.ring.key_of(f"trd_{'0' * 16}_{'x' * 43}")
    assert scene.keys.looks == 2


async def test_known_keys_count_while_the_store_is_away(scene: Scene) -> None:
    made = await scene.make()
    await scene.ring.key_of(made.token)
    scene.keys.outage = StoreUnavailable(outcome_unknown=False)
    scene.now += 60

    assert await scene.ring.key_of(made.token) == made.key
    assert await scene.ring.key_of(f"trd_{'0' * 16}_{'x' * 43}") is None


async def test_before_the_keys_were_seen_nobody_knows(scene: Scene) -> None:
    scene.keys.outage = StoreUnavailable(outcome_unknown=False)

    with pytest.raises(StoreUnavailable):
        await scene.ring.key_of(f"trd_{'0' * 16}_{'x' * 43}")
