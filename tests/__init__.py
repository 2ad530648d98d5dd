"""The tests; each mirrors a module, and each makes the pictures it is about."""
