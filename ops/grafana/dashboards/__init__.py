"""Dashboards as code. `ops/grafana/build.py` writes them as JSON, once in each language."""
