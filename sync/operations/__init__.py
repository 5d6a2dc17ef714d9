"""What people look at and do: the same for the command line, the pages and the API.

Each file has one subject. Its functions return frozen dataclasses of values that JSON knows, with the
words that people read, so that a verb, a page and a document of the API never tell different things.
"""
