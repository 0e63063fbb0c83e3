"""What scenes in files may be made of, by the name that META has for it. Knows no numpy."""

from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.facts import ANCHORS, Facts, facts_of, representation_of
from csgaussian_ns.format.gaussians.meta import GAUSSIANS, GaussianMeta
from csgaussian_ns.format.latents.meta import LATENTS, LatentMeta
from csgaussian_ns.format.meta import SceneMeta

FACTS: dict[str, type[Facts]] = {ANCHORS: SceneMeta, GAUSSIANS: GaussianMeta, LATENTS: LatentMeta}
"""Kind of facts of each representation that has rows of its own; ``receiver.representations.register`` adds some."""


def known_facts(container: Container) -> Facts | None:
    """The facts of an open file, or ``None`` where it is made of something else.

    Raises:
        FormatError: They are damaged.
    """
    kind = FACTS.get(representation_of(container))
    return None if kind is None else kind.of_json(facts_of(content_of(container, "META")))
