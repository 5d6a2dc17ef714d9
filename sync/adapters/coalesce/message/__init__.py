"""Parts of Coalesce Quality's messages, which webhooks and the API write alike, read into our forms."""
