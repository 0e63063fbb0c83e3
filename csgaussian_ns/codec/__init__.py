"""From a trained scene to a `.csg` file, and from a file to tensors. The coder that needs torch is registered here."""

from csgaussian_ns.codec import torchac_coder
from csgaussian_ns.format.streams import coders

coders.register(coders.Coder.TORCHAC, torchac_coder)
