"""The same play, with a store that dies in the middle of calls."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.model.calls import Call
from tests.model.crashing_database import CrashingDatabase
from tests.model.stage import Crashed, Stage
from tests.model.store_machine import StoreMachine

MOST_POINTS = 9


class CrashingMachine(StoreMachine):
    def __init__(self, stage: Stage, database: CrashingDatabase) -> None:
        database.crash_at(None)
        super().__init__(stage)
        self.database = database
        self.crash_point: int | None = None
        self.comes_back = False

    @precondition(lambda self: self.crash_point is None)
    @rule(point=st.integers(1, MOST_POINTS), comes_back=st.booleans())
    def the_next_call_crashes(self, point: int, comes_back: bool) -> None:
        """If it has that many points. The caller repeats the call, as workers and API do, or died as well."""
        self.crash_point, self.comes_back = point, comes_back

    def nothing_is_stuck(self) -> None:
        self.crash_point = None
        super().nothing_is_stuck()

    def ask(self, call: Call) -> Call:
        before = self.world
        after, _ = call.on_model(before)
        self.database.crash_at(self.crash_point)
        self.crash_point = None
        try:
            return super().ask(call)
        except Crashed:
            self.world = self.stage.look().settle(before, after)
        finally:
            self.database.crash_at(None)
        return super().ask(call) if self.comes_back else call
