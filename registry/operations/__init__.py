"""What is done with tags outside of tagcast, on record: campaigns, whom they approached and whom they left alone."""
