"""Outages in the log without a flood."""

import structlog

_log = structlog.get_logger()


class OutageLog:
    """One line when `peer` stops answering, one when it answers again."""

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._failures = 0

    def failed(self, reason: str) -> None:
        self._failures += 1
        if self._failures == 1:
            _log.warning("api: no answer", peer=self._peer, reason=reason)

    def answered(self) -> None:
        if self._failures:
            _log.info("api: answers again", peer=self._peer, failures=self._failures)
            self._failures = 0
