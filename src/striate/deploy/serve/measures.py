"""What a server counts of itself, in the text form of Prometheus.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCHES = (1, 2, 4, 8, 16, 32, 64)


class Measures:
    """Counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "striate_requests", "Requests answered, by path and status.", ("path", "status"), registry=self.registry
        )
        self.request_seconds = Histogram(
            "striate_request_seconds",
            "From the headers of a request to the end of its answer.",
            ("path",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.network_seconds = Histogram(
            "striate_network_seconds", "A batch in the network.", buckets=SECONDS, registry=self.registry
        )
        self.batch_pictures = Histogram(
            "striate_batch_pictures", "Pictures that went together.", buckets=BATCHES, registry=self.registry
        )
        self.waiting = Gauge("striate_pictures_waiting", "Pictures accepted, not yet answered.", registry=self.registry)

    def text(self) -> bytes:
        """All of them, as a scraper reads them."""
        return generate_latest(self.registry)
