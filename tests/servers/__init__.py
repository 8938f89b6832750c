"""Real servers for tests: Kafka, mosquitto, Prometheus, Node; each fetched when it is missing, never skipped."""
