"""The contenders: small programs, each run in a process of its own as `PROGRAM [WAY] OUT PHOTO...`.

Each reads a photo's bytes, makes every width in every format at quality 80, and writes the files into the folder OUT.
"""
