"""Kafka: topics, records, headers, clients. Only this package imports `kafka`."""
