"""Many scenes: rows of a manifest become tasks, engines of others run them, and every result is one line of a file."""
