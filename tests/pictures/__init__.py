"""Tests of imaging.pictures, a module for each of its modules."""
