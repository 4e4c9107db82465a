"""How tags reach people and programs: scoring, the profile store, audiences, the API and the console."""
