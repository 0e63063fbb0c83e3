"""What things are: masks, features, objects, text."""
