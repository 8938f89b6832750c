"""The simulated city: PURE, seeded, deterministic."""

from simulators.world.options import Options
from simulators.world.scenario import demo, plan
from simulators.world.world import Emission, World

__all__ = ["Emission", "Options", "World", "demo", "plan"]
