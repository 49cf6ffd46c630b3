"""Real servers and processes for tests, and what this machine can run."""
