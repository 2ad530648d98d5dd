"""Bytes of a source -> the files of its renditions. This runs in the sandbox alone; nothing else imports Pillow.

In the order in which a picture passes through: `sniffing` (and `foreign`, what is not opened), `containers` and `jpeg`,
`opening` (with `tiff`, `samples` and `animation`, where Pillow alone would err), `plan`, `decoding` (with `modes`,
`colour` and `scaling`, which hands `pixels` to `vips`), `metadata`, `rendering`, `encoding`. `making` is the whole way
on one page, and `libraries` says whose fault an error is.
"""
