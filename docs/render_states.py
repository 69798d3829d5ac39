"""Writes states.md from the domain's own table, so that the page cannot say anything else than the code.

Run: python docs/render_states.py
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from treadle_domain.bounds import MAX_ATTEMPTS, MAX_DELAY, MAX_TIMEOUT
from treadle_domain.job_error import ErrorKind
from treadle_domain.run_policy import DEFAULT_LIMITS, DEFAULT_POLICY
from treadle_domain.states import TRANSITIONS, JobState, Verb

PAGE = Path(__file__).with_name("states.md")

STATES: Mapping[JobState, str] = {
    JobState.PENDING: "It waits: for a free worker, or for `run_at` (a delay, or a retry; then `error` has the last"
    " failure).",
    JobState.RUNNING: "A worker runs it. If `cancel_requested_at` is set, it will end CANCELLED.",
    JobState.SUCCESS: "Done; `result` is stored. Final for good.",
    JobState.FAILED: "Given up; `error.kind` says why (see below). A retry starts it anew.",
    JobState.CANCELLED: "Stopped because a client asked for it. A retry starts it anew.",
}

VERBS: Mapping[Verb, str] = {
    Verb.CLAIM: "A worker took the job to run it. This is charged as an attempt.",
    Verb.SUCCEED: "The run ended well and its result is stored; after a cancel it is dropped.",
    Verb.FAIL: "The run ended with an error: tried again later, or FAILED if no attempts are left or none would help.",
    Verb.SNOOZE: "The handler asked to be run again later. No attempt is charged.",
    Verb.RELEASE: "The worker gave the job back unfinished, for example at a deploy. No attempt is charged, and the"
    " job keeps its place in the queue.",
    Verb.LOSE: "The worker died or was cut off. No attempt is charged, and the job keeps its place in the queue.",
    Verb.CANCEL: "A client asked to cancel: a waiting job ends at once, a running one ends CANCELLED however its run"
    " ends. Asking again changes nothing.",
    Verb.EXPIRE: "`expires_at` passed before the first start.",
    Verb.PUT_OFF: "The worker that took the job does not know its type, or has no room for one more of its kind: it"
    " waits a moment for another worker.",
    Verb.REFUSE: "No live worker knows the type, and the grace period for deploys is over.",
    Verb.REPLACE: "A submit with the same unique key brought another payload, before the first start.",
    Verb.RETRY: "An operator started the job anew: all counters are 0, the list of attempts stays.",
}

_RETRIED = "Tried again while attempts are left."
_NOT_RETRIED = "Not tried again."
KINDS: Mapping[ErrorKind, str] = {
    ErrorKind.ERROR: f"The handler raised an exception. {_RETRIED}",
    ErrorKind.PERMANENT: f"The handler raised `Permanent`, the payload is not what it takes, or its result is no JSON"
    f" or too large. {_NOT_RETRIED}",
    ErrorKind.TIMEOUT: f"The run took longer than its timeout and was stopped. {_RETRIED}",
    ErrorKind.OOM: f"The run needed more memory than it may. {_RETRIED}",
    ErrorKind.UNSTORABLE: f"PostgreSQL refused to store the result. {_NOT_RETRIED}",
    ErrorKind.LOST: f"The worker died while it ran the job. FAILED after {DEFAULT_LIMITS.max_losses} losses.",
    ErrorKind.INTERRUPTED: "The worker gave the job back unfinished."
    f" FAILED after {DEFAULT_LIMITS.max_interruptions} interruptions.",
    ErrorKind.UNSTARTED: "Only in records of earlier releases: the worker gave the job back before its code began."
    " Nothing is counted, and today nothing is recorded.",
    ErrorKind.SNOOZED: f"The handler asked for more time. FAILED after {DEFAULT_LIMITS.max_snoozes:,} snoozes.",
    ErrorKind.EXPIRED: "`expires_at` passed before the first start. FAILED.",
    ErrorKind.UNKNOWN_TYPE: "No worker handles this type; the message names the types that are known. FAILED.",
    ErrorKind.CANCELLED: "A client asked to cancel; the message says whether the code had finished. CANCELLED.",
}


def render() -> str:
    return "\n".join([*_states(), *_diagram(), *_verbs(), *_kinds(), *_limits()])


def _states() -> Iterator[str]:
    yield "# What can happen to a job"
    yield ""
    yield "<!-- Rendered from the domain by docs/render_states.py; a test compares them. -->"
    yield ""
    yield from _table(("a job is", "which means"), ((state, STATES[state]) for state in JobState))


def _diagram() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> PENDING: submit"
    for (before, after), verbs in _arrows().items():
        yield f"    {before} --> {after}: {', '.join(verbs)}"
    yield "```"
    yield ""


def _arrows() -> Mapping[tuple[JobState, JobState], list[Verb]]:
    arrows: dict[tuple[JobState, JobState], list[Verb]] = {}
    for (before, verb), states in TRANSITIONS.items():
        for after in JobState:
            if after in states:
                arrows.setdefault((before, after), []).append(verb)
    return arrows


def _verbs() -> Iterator[str]:
    yield "Nothing else can happen: a cancel or a retry that this table lacks is answered with 409."
    yield ""
    yield from _table(
        ("verb", "from → to", "what happened"),
        ((f"`{verb}`", "<br>".join(_moves(verb)), VERBS[verb]) for verb in Verb),
    )


def _moves(verb: Verb) -> Iterator[str]:
    for (before, its_verb), states in TRANSITIONS.items():
        if its_verb is verb:
            yield f"{before} → {', '.join(after for after in JobState if after in states)}"


def _kinds() -> Iterator[str]:
    yield "## Why a job or a run did not succeed"
    yield ""
    yield from _table(
        ("`error.kind`", "what happened, and what follows"),
        ((f"`{kind}`", sentence) for kind, sentence in KINDS.items()),
    )


def _limits() -> Iterator[str]:
    policy, limits, retry = DEFAULT_POLICY, DEFAULT_LIMITS, DEFAULT_POLICY.retry
    by_request = "set by the request, else by the handler"
    yield "## Limits"
    yield ""
    yield from _table(
        ("limit", "default", "who sets it, and how high"),
        [
            ("attempts", f"{policy.max_attempts}", f"{by_request}: 1 to {MAX_ATTEMPTS:,}"),
            (
                "time of one run",
                _words(policy.timeout),
                f"{by_request}: up to {_words(MAX_TIMEOUT)}",
            ),
            (
                "wait before a retry",
                f"{_words(retry.initial)}, then {retry.multiplier:g} times as long each time, at most"
                f" {_words(retry.maximum)}; each shortened at random by up to {retry.jitter:.0%}",
                f"{by_request}: up to {_words(MAX_DELAY)}",
            ),
            ("losses", f"{limits.max_losses}", "fixed"),
            ("interruptions", f"{limits.max_interruptions}", "fixed"),
            ("snoozes", f"{limits.max_snoozes:,}", "fixed"),
        ],
    )
    yield "Losses, interruptions and snoozes are counted apart and never charged as attempts."
    yield ""


def _words(duration: timedelta) -> str:
    if duration > timedelta(days=1):
        return f"{duration.days:,} days"
    return f"{duration.total_seconds():,g} s"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for cells in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(render())
