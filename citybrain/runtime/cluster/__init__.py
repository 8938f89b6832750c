"""The cluster runtime: each stage a service of its own, joined by Kafka."""
