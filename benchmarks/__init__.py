"""What one upload costs, against sharp, libvips, the usual tutorial and the codecs' own floor; never shipped."""
