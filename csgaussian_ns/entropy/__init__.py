"""Models of how likely quantised attributes are: what training pays for bits, and what coding spends."""
