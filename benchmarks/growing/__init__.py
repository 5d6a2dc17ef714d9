"""What ``benchmarks.growth`` is made of: the simulated source as a process, and a daemon that tells
where its memory is."""
