"""The application state in SQL: its tables and its transactions, on SQLite or PostgreSQL."""
