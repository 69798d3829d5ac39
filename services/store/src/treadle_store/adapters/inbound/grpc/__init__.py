"""The gRPC face of the store."""
