"""What tests share: a small shop, its stores and states, a browser, faults to meet."""
