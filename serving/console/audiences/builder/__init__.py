"""The audience builder: conditions as text and as clicks in step, and what each answer says of them."""
