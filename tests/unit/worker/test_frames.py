"""What comes over the socket to an executor: user code may have got hold of its other end."""

from uuid import uuid4

import msgspec
import pytest

from treadle_worker.executor.frames import Heard, Started, ToWorker, from_executor, packed


def test_frames_come_out_whole_however_their_bytes_are_cut() -> None:
    frames: list[ToWorker] = [Started(uuid4(), 1), Heard(uuid4(), 2)]
    unpacker = from_executor()

    found = [
        frame
        for byte in b"".join(packed(frame) for frame in frames)
        for frame in unpacker.feed(bytes([byte]))
    ]

    assert found == frames


@pytest.mark.parametrize(
    "said", [b"\xff\xff\xff\xff", b"\x04\x00\x00\x01", b"\x00\x00\x00\x01\x00"]
)
def test_what_is_no_frame_is_refused_before_it_is_waited_for(said: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        list(from_executor().feed(said))
