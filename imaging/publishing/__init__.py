"""The loop: what stands in the two buckets is observed, compared with what should stand, and changed."""
