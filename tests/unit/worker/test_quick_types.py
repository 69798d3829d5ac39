"""Before a handler is called that may block the loop, ends of its neighbours are sent: which ones need no such care."""

from treadle_worker.executor.quick_types import KNOWN_AFTER, QuickTypes


class Scene:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.types = QuickTypes(lambda: self.seconds)

    def turn(self, *called: str, lasts: float = 0.0) -> None:
        for type in called:
            self.types.called(type)
        self.seconds += lasts
        self.types.turn_ended()


def test_a_type_is_known_after_enough_calls_that_gave_the_loop_back_soon() -> None:
    scene = Scene()

    for _ in range(KNOWN_AFTER):
        assert not scene.types.knows("quick")
        scene.turn("quick", lasts=0.001)

    assert scene.types.knows("quick")
    assert not scene.types.knows("other")


def test_one_call_that_kept_the_loop_makes_it_unknown_with_those_beside_it() -> None:
    scene = Scene()
    scene.turn(*["quick", "beside", "elsewhere"] * KNOWN_AFTER)

    scene.turn("quick", "beside", lasts=0.05)

    assert not scene.types.knows("quick")
    assert not scene.types.knows("beside")
    assert scene.types.knows("elsewhere")
