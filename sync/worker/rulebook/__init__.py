"""The rules in force: read from disk, measured by what an edit would touch, accepted."""
