"""Bytes of a source -> the files of its renditions. This runs in the sandbox alone; nothing else imports Pillow.

In the order in which a picture passes through: sniffing, containers, opening, plan, decoding (with modes, colour and
scaling), metadata, rendering, encoding. `making` is the whole way on one page.
"""
