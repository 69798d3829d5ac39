"""What calls the store: gRPC requests and timers."""
