"""compose.yaml as processes of this machine: what an operator starts, without a container engine."""
