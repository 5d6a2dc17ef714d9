"""What ``benchmarks.accept`` is made of: deliveries, a lean sender, and the receiver to measure."""
