"""How good a tag is, on its page: what was promised and what came, run by run, and what was measured in training."""
