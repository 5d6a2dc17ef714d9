"""People are told when something needs them: what, in which words, through which channel, when."""
