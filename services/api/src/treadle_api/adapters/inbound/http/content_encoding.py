"""Bodies that were compressed on the way."""

import zlib
from collections.abc import Iterator
from typing import Protocol

from treadle_api.adapters.inbound.http.problems import Problem, ProblemType

PIECE_BYTES = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class Decoder(Protocol):
    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """Pieces of bounded size, so that a few bytes cannot become many at once. Raises Problem."""
        ...

    def finish(self) -> None:
        """Raises Problem if the end is missing."""
        ...


class Identity:
    def decode(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def finish(self) -> None:
        """Whatever arrived is whole."""


class Gunzip:
    """One member of RFC 1952 or several."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._is_inside = True

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        left, piece = chunk, b""
        while left or (len(piece) == PIECE_BYTES and not self._member.eof):
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            try:
                piece = self._member.decompress(left, PIECE_BYTES)
            except zlib.error as error:
                raise _malformed(str(error)) from None
            left = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            self._is_inside = not self._member.eof
            yield piece

    def finish(self) -> None:
        if self._is_inside:
            raise _malformed("its end is missing")


def decoder_of(content_encoding: str) -> Decoder:
    """Raises Problem for an encoding that is not known."""
    match content_encoding.strip().lower():
        case "" | "identity":
            return Identity()
        case "gzip" | "x-gzip":
            return Gunzip()
    detail = "Send the body as it is, or with Content-Encoding: gzip."
    raise Problem(
        ProblemType.UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept-Encoding": "gzip, identity"}
    )


def _malformed(reason: str) -> Problem:
    return Problem(ProblemType.MALFORMED_ENCODING, f"Not gzip: {reason}.")
