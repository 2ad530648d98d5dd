"""Where pictures are opened: a process of its own that holds nothing and can reach nothing.

`sandbox` is the loop's side and `inside` the other one. `frames` is what goes through the pipes between them, `child`
the process as the loop holds it, `locks` and `filter` what the process gives up before it reads its first byte.
"""
