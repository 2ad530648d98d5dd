"""Tests of imaging.pictures, a module for each of its modules."""

from tests.builders import gif, mean_difference, opened, saved, scene, see_through

__all__ = ["gif", "mean_difference", "opened", "saved", "scene", "see_through"]  # until all ask tests.builders for them
