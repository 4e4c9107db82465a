"""The batch scorer: a snapshot is streamed through every model and rule, and explained."""
