"""Everything that runs in Lambda: sources in the raw bucket become renditions and a manifest.

The map of the house, in the order in which data flows. Imports go down this list and never up.

============  ==========================================================================================
`edges`       an event -> keys; what became of them -> a reply, a log line, metrics, a notice to editors
`publishing`  one key brought to its desired state: look, decide, change, look again; the two buckets
`sandbox`     the process that opens pictures, from both of its sides: frames, locks, ends
`pictures`    bytes of a source -> the files of its renditions; runs in the sandbox alone
`recipe`      what is made of which source: rules, specs, geometry
`exchange`    what the loop asks of the sandbox, and what the sandbox answers
`keys`        prefixes in the renditions bucket, and how long keys may be
`formats`     the register of picture formats
`errors`      the exceptions, and every rejection in its words
============  ==========================================================================================

`handler.py` wires it. Start reading there, then `publishing/reconciling.py`, `sandbox/sandbox.py` and
`pictures/making.py`.
"""
