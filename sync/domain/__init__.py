"""Pure values and the decision. Standard library only: no clock, database, HTTP or library."""
