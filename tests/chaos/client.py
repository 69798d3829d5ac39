"""A client as many have one: it submits, looks, cancels, tries again, and keeps what it was told."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import httpx
from tests.chaos.evidence import Notes
from tests.chaos.history import FINAL, Call, Word
from tests.chaos.kinds import Kind, drawn

_OPEN_JOBS = 60
_GIVES_UP_AFTER_SECONDS = 6.0
_LOOKS_AFTER_THE_END = 2
_STATES = FINAL | {"PENDING", "RUNNING"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be asked about one job; `cancel_after` and `looks_every` in seconds."""

    number: str
    kind: Kind
    payload: dict[str, Any]
    more: dict[str, Any]
    api: int
    looks_every: float
    cancel_after: float | None
    tries_again: bool

    @classmethod
    def drawn(cls, number: int, kinds: Sequence[Kind], chance: Random) -> "Plan":
        kind = drawn(kinds, chance)
        more: dict[str, Any] = {"priority": chance.choice([0, 0, 0, 5, 9])}
        if chance.random() < 0.1:
            more["delay_seconds"] = round(chance.uniform(0.2, 3.0), 2)
        is_cancelled = chance.random() < kind.cancelled
        return cls(
            number=str(number),
            kind=kind,
            payload=kind.payload(chance),
            more=more,
            api=chance.randrange(2),
            looks_every=chance.uniform(0.5, 1.5),
            cancel_after=chance.uniform(0.0, 4.0) if is_cancelled else None,
            tries_again=chance.random() < 0.3,
        )


@dataclass(kw_only=True)
class Client:
    """Its jobs bear `tag`; `chance` decides all that it does. Of one job it asks one thing at a time."""

    apis: Sequence[str]
    kinds: Sequence[Kind]
    tag: str
    ledger: Path
    chance: Random
    notes: Notes = field(default_factory=Notes)
    submits: int = 0
    has_enough: Event = field(default_factory=Event)
    gives_up: Event = field(default_factory=Event)

    def run(self) -> None:
        """Submits until it `has_enough`, then follows its jobs until their ends, unless it `gives_up`."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        open_jobs = asyncio.Semaphore(_OPEN_JOBS)
        async with AsyncExitStack() as stack:
            self._https = [
                await stack.enter_async_context(
                    httpx.AsyncClient(base_url=url, timeout=_GIVES_UP_AFTER_SECONDS)
                )
                for url in self.apis
            ]
            async with asyncio.TaskGroup() as following:
                while not self.has_enough.is_set():
                    await open_jobs.acquire()
                    self.submits += 1
                    plan = Plan.drawn(self.submits, self.kinds, self.chance)
                    task = following.create_task(self._follow(plan))
                    task.add_done_callback(lambda _: open_jobs.release())
                    await asyncio.sleep(self.chance.uniform(0.02, 0.15))

    async def _follow(self, plan: Plan) -> None:
        word = await self._submit(plan)
        submitted_at, cancels, tries_again, looks = time.time(), plan.cancel_after, True, 0
        apis = cycle((1 - plan.api, plan.api))
        while word.job_id and looks < _LOOKS_AFTER_THE_END and not self.gives_up.is_set():
            await asyncio.sleep(plan.looks_every)
            if cancels is not None and time.time() >= submitted_at + cancels:
                word = await self._ask(Call.CANCEL, next(apis), word.job_id)
                cancels = None if word.status in (200, 409) else cancels
            elif word.state == "FAILED" and plan.tries_again and tries_again:
                tries_again = False
                word = await self._ask(Call.RETRY, next(apis), word.job_id)
            else:
                word = await self._ask(Call.READ, next(apis), word.job_id)
            looks = looks + 1 if word.state in FINAL else 0

    async def _submit(self, plan: Plan) -> Word:
        body = {
            "type": plan.kind.type,
            "payload": {"file": str(self.ledger), **plan.payload},
            "metadata": {"tag": self.tag, "n": plan.number},
            **plan.more,
        }
        asked = time.time()
        answer = await self._http(Call.SUBMIT, plan.api, "POST", "/v1/jobs", body)
        if answer is not None and answer.status_code == httpx.codes.CREATED:
            self.notes.accepted.add(answer.json()["id"])
            return self._note(Call.SUBMIT, answer.json()["id"], asked, answer)
        if answer is not None and answer.json().get("outcome_unknown") is False:
            self.notes.undone.add(plan.number)
        return Word(call=Call.SUBMIT, job_id="", asked=asked, answered=time.time(), status=None)

    async def _ask(self, call: Call, api: int, job_id: str) -> Word:
        method, path = "POST", f"/v1/jobs/{job_id}/{call}"
        if call is Call.READ:
            method, path = "GET", f"/v1/jobs/{job_id}"
        asked = time.time()
        answer = await self._http(call, api, method, path)
        return self._note(call, job_id, asked, answer)

    async def _http(
        self, call: Call, api: int, method: str, path: str, body: Any = None
    ) -> httpx.Response | None:
        """None: it may have been obeyed or not."""
        try:
            answer = await self._https[api].request(method, path, json=body)
        except httpx.TransportError:
            return None
        self.notes.answers[call, answer.status_code] += 1
        return answer

    def _note(self, call: Call, job_id: str, asked: float, answer: httpx.Response | None) -> Word:
        state, version = _state_in(answer)
        word = Word(
            call=call,
            job_id=job_id,
            asked=asked,
            answered=time.time(),
            status=None if answer is None else answer.status_code,
            state=state,
            version=version,
        )
        self.notes.words.append(word)
        return word


def _state_in(answer: httpx.Response | None) -> tuple[str | None, int | None]:
    """A 409 names the state in its sentence."""
    if answer is None:
        return None, None
    said = answer.json()
    if answer.status_code == httpx.codes.CONFLICT:
        named = [word for word in said["detail"].split() if word in _STATES]
        return (named[0] if named else None), None
    return said.get("state"), said.get("version")
