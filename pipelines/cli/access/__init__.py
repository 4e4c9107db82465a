"""Commands for those who let others in and look after what was done: users, sessions, keys, the logs."""
