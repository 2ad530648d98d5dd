"""Where the function meets the world: events in, replies out, and what editors and operators are told."""
