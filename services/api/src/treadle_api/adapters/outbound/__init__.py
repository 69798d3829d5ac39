"""Whom the API asks: the store over gRPC, the ready queue in Redis."""
