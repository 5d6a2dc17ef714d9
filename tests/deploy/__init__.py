"""What is shipped to run the program with, beside the program."""
