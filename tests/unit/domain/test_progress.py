from uuid import uuid4

from tests.builders import a_log_line, a_progress_report

from treadle_domain.progress import MAX_LOG_MESSAGE_BYTES, MAX_NOTE_BYTES, Progress


def test_texts_are_cut_to_bytes_between_two_characters() -> None:
    note = Progress(fraction=0, note="\N{FIRE}" * MAX_NOTE_BYTES).note
    message = a_log_line(message="x" + "\N{FIRE}" * MAX_LOG_MESSAGE_BYTES).message

    assert note == "\N{FIRE}" * (MAX_NOTE_BYTES // 4)
    assert len(message.encode()) == MAX_LOG_MESSAGE_BYTES - 3


def test_what_no_database_can_hold_is_replaced_before_the_cut() -> None:
    note = Progress(fraction=1, note="\x00\ud800" * MAX_NOTE_BYTES).note

    assert note == "\ufffd" * (MAX_NOTE_BYTES // 3)


def test_of_two_reports_the_later_one_counts_and_what_it_does_not_say_stays() -> None:
    job_id, lines = uuid4(), [a_log_line(number) for number in (1, 2)]
    earlier = a_progress_report(job_id, number=1, checkpoint=b"1", log_lines=(lines[0],))
    later = a_progress_report(
        job_id, number=2, progress=Progress(fraction=1), log_lines=(lines[1],)
    )

    assert earlier.then(later) == a_progress_report(
        job_id,
        number=2,
        progress=Progress(fraction=1),
        checkpoint=b"1",
        log_lines=(*lines,),
    )
