"""Names of the Unix sockets that the egress process lends to servers which have none."""

REDIS_SOCKET = "redis.sock"
API_SOCKET = "api.sock"
