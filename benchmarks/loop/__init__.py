"""The loop: what campaigns do to the scores that choose them, and what a run says of itself before anybody knows."""
