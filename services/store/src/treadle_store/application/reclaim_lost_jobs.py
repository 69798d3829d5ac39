"""Jobs of workers that went silent come back."""

from dataclasses import dataclass

from treadle_store.application.end_runs import EndRuns
from treadle_store.application.ports import Happening, LostRuns, Tally

PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReclaimLostJobs:
    """What is found is ended after the turn: if this process dies in between, the next turn finds it again."""

    lost_runs: LostRuns
    end_runs: EndRuns
    tally: Tally

    async def __call__(self) -> bool:
        """True if there may be more: call again at once."""
        stock = await self.lost_runs.take_stock(PAGE)
        if stock.sessions_closed:
            self.tally.count(Happening.SESSION_EXPIRED, stock.sessions_closed)
        await self.end_runs(stock.runs)
        return len(stock.runs) == PAGE
