"""Training of uplift tags: nuisance models, effect learners, what they are chosen by, and their figures."""
