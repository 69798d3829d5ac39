"""What the API does, apart from HTTP, gRPC and Redis."""
