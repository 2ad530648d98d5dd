"""Everything that runs in Lambda: sources in the raw bucket become renditions and a manifest.

Read in this order: model, reconciling, storage, decoding, rendering, encoding, recipe, events, telemetry.
"""
