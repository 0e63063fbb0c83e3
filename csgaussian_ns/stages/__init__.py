"""What training does when, and what it minimises."""
