"""The register from the files that a city has: a column map, an importer, a report."""
