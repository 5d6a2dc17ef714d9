"""SQLModel tables and their queries. No outside system is called from here."""
