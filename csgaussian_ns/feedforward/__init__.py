"""From a few photos to a scene without training for it: a network that many scenes trained, and its coded feature.

The network is written once, on arrays of numpy as of torch: torch trains it, a receiver has numpy alone.
"""
