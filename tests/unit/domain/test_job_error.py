"""An error can always be stored, whatever a handler raised."""

from hypothesis import given
from hypothesis import strategies as st
from tests.builders import NOW, a_job
from tests.unit.domain.generated import any_text, claim_of, claimed

from treadle_domain.job_error import (
    MAX_MESSAGE_CHARS,
    MAX_TRACEBACK_CHARS,
    MAX_TYPE_CHARS,
    ErrorKind,
    JobError,
)
from treadle_domain.outcomes import Failed

wild_text = st.text(st.characters(codec=None, exclude_categories=[]), max_size=30) | any_text


@given(wild_text, wild_text, wild_text)
def test_every_text_fits_utf8_and_postgresql(kind: str, message: str, traceback: str) -> None:
    error = JobError(kind=ErrorKind.ERROR, type=kind, message=message, traceback=traceback)

    for text in (error.type, error.message, error.traceback):
        assert text.encode().decode() == text
        assert "\x00" not in text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30))
def test_text_that_can_be_stored_is_left_as_it_is(text: str) -> None:
    error = JobError(kind=ErrorKind.ERROR, type=text, message=text, traceback=text)

    assert (error.type, error.message, error.traceback) == (text, text, text)


def test_long_texts_are_cut_and_a_traceback_keeps_its_end() -> None:
    error = JobError(
        kind=ErrorKind.ERROR,
        type="t" * 1_000,
        message="first" + "m" * 100_000,
        traceback="x" * 100_000 + "last",
    )

    assert len(error.type) == MAX_TYPE_CHARS == 256
    assert len(error.message) == MAX_MESSAGE_CHARS == 4_000
    assert len(error.traceback) == MAX_TRACEBACK_CHARS == 16_000
    assert error.message.startswith("first")
    assert error.traceback.endswith("last")


def test_a_message_that_the_domain_prefixes_stays_within_its_limit() -> None:
    asked = claimed(a_job()).cancel(NOW)
    failure = Failed(error=JobError(kind=ErrorKind.ERROR, message="m" * MAX_MESSAGE_CHARS))

    _, after = asked.finish(claim_of(asked), failure, now=NOW, chance=0.5)

    assert after.error is not None
    assert len(after.error.message) == MAX_MESSAGE_CHARS


def test_the_kinds_are_the_words_that_are_documented() -> None:
    words = "error permanent timeout lost expired cancelled interrupted snoozed unknown_type"

    assert {kind.value for kind in ErrorKind} == {*words.split(), "unstorable", "oom", "unstarted"}
