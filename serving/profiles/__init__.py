"""Customer lookup: one profile with its values, reasons and history."""
