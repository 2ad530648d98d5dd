"""What runs on a person's machine and in CI; nothing of it is shipped to Lambda."""
