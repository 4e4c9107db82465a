"""Tables beside the events: attributes to filter on, those that models learn from, and labels."""
