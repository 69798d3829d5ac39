"""Exits 0 while the store of this container says SERVING."""

import sys

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

with grpc.insecure_channel("127.0.0.1:50051") as channel:
    answer = HealthStub(channel).Check(HealthCheckRequest(), timeout=3)
sys.exit(answer.status != HealthCheckResponse.SERVING)
