"""The daemon: the threads that run triage, walks and sweeps until they are stopped."""
