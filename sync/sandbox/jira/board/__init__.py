"""Pages that show the site to a person in a browser."""
