"""Who may: finds the account behind a request, or turns the request away."""
