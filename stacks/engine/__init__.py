"""Everything that touches a machine's disk: plain values in, events out, neither Django nor Celery."""
