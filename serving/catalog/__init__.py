"""The tag catalog: which tags exist, their status and evidence, and the steps people take with them."""
