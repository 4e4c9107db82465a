"""Tags reach people: scorer, profile store, audiences."""
