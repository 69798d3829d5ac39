"""What clients were told stays true."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from math import inf

from tests.chaos.history import FINAL, Call, History, Word

ALLOWED = {
    Call.SUBMIT: {201, 503},
    Call.READ: {200, 503},
    Call.LIST: {200, 503},
    Call.CANCEL: {200, 409, 503},
    Call.RETRY: {200, 409, 503},
}


def unexpected_answers(history: History) -> Iterator[str]:
    for (call, status), count in history.answers.items():
        if status not in ALLOWED[call]:
            yield f"{count} answers to {call} were {status}"


def submits_that_were_said_to_be_undone(history: History) -> Iterator[str]:
    for row in history.rows:
        if row.number in history.undone:
            yield f"{row.id} exists, and its submit was answered that nothing was changed"


def versions_that_shrink(history: History) -> Iterator[str]:
    for job_id, words in _words_by_job(history).items():
        versions = [word.version for word in words if word.version is not None]
        for earlier, later in pairwise(versions):
            if later < earlier:
                yield f"{job_id} went back from version {earlier} to {later}"


def states_of_one_version_that_differ(history: History) -> Iterator[str]:
    for job_id, words in _words_by_job(history).items():
        states = defaultdict(set)
        for word in words:
            if word.version is not None:
                states[word.version].add(word.state)
        for version, seen in states.items():
            if len(seen) > 1:
                yield f"{job_id} was {' and '.join(sorted(map(str, seen)))} at version {version}"


def final_states_that_changed(history: History) -> Iterator[str]:
    """Only a retry that somebody asked for may end the peace of a job."""
    for job_id, words in _words_by_job(history).items():
        for earlier, later in pairwise(word for word in words if word.state):
            changed = earlier.state in FINAL and _differ(earlier, later)
            if changed and not any(_may_lie_between(retry, earlier, later) for retry in words):
                yield f"{job_id} was {earlier.state} and became {later.state}"


def cancellations_that_did_not_come(history: History) -> Iterator[str]:
    for job_id, words in _words_by_job(history).items():
        if any(_is_unknown_retry(word) for word in words):
            continue
        for cancel in words:
            end = _end_after(cancel, words)
            if end is not None and end.state != "CANCELLED":
                yield f"{job_id} was to be cancelled (200), and ended {end.state}"


def cancellations_that_nobody_asked_for(history: History) -> Iterator[str]:
    for job_id, words in _words_by_job(history).items():
        was_asked_for = any(word.call is Call.CANCEL for word in words)
        if not was_asked_for and any(word.state == "CANCELLED" for word in words):
            yield f"{job_id} was cancelled, and nobody had asked for it"


WORDS = (
    unexpected_answers,
    submits_that_were_said_to_be_undone,
    versions_that_shrink,
    states_of_one_version_that_differ,
    final_states_that_changed,
    cancellations_that_did_not_come,
    cancellations_that_nobody_asked_for,
)


def _words_by_job(history: History) -> dict[str, list[Word]]:
    """In order: of one job only one thing is asked at a time. The database has the last word."""
    by_job = defaultdict(list)
    for word in sorted(history.words, key=lambda word: word.asked):
        by_job[word.job_id].append(word)
    for row in history.rows:
        word = Word(
            call=Call.READ,
            job_id=row.id,
            asked=inf,
            answered=inf,
            status=200,
            state=row.state,
            version=row.version,
        )
        by_job[row.id].append(word)
    return by_job


def _differ(earlier: Word, later: Word) -> bool:
    if earlier.version is None or later.version is None:
        return earlier.state != later.state
    return earlier.version != later.version


def _may_lie_between(retry: Word, earlier: Word, later: Word) -> bool:
    if retry.call is not Call.RETRY or retry.asked > later.answered:
        return False
    # One whose answer was lost may be obeyed at any time after it was asked.
    return _is_unknown_retry(retry) or (retry.status == 200 and retry.asked >= earlier.answered)


def _is_unknown_retry(word: Word) -> bool:
    """A 409 that names no end as well: the API repeats a call that was not answered, and the repeat is refused."""
    if word.call is not Call.RETRY or word.status == 200:
        return False
    return word.status != 409 or word.state not in FINAL


def _end_after(cancel: Word, words: list[Word]) -> Word | None:
    """The first that was seen of the life that was to be cancelled: who asks for a retry has seen an end before."""
    if cancel.call is not Call.CANCEL or cancel.status != 200 or cancel.version is None:
        return None
    for word in words:
        if word.state in FINAL and word.version is not None and word.version >= cancel.version:
            return word
    return None
