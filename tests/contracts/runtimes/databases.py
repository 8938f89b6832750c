"""A fresh database for each run of a runtime."""

from __future__ import annotations

import psycopg


def fresh(postgres_url: str, name: str) -> str:
    """URL of a database with the schema and nothing in it; one of that name is dropped."""
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template_citybrain")
    return postgres_url.replace("/postgres?", f"/{name}?")
