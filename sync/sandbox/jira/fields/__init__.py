"""Field types: how a value is checked, kept and shown; and changes of fields."""
