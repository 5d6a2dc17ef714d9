"""What would happen, and what did: the verbs plan, backtest, preview and why. Writes nothing."""
