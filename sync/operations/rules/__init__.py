"""The rules: what is in force, drafts of edits, what a draft would do, saving, and the history."""
