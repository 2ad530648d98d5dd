"""The contenders: small programs, each run in a process of its own as `PROGRAM [WAY] CODING OUT PHOTO...`.

Each reads a photo's bytes, makes every width in every format, and writes the files into the folder OUT. CODING says
how they are encoded:

* `defaults`: quality 80, and all else as the library's documentation shows it.
* `equal`: quality 80, JPEG progressive with optimised tables and 4:2:0 colours, WebP of effort 4; for all the same.
* `lossless`: PNG alone, so that nothing but the scaling can differ.
"""
