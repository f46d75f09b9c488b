"""Inside a user's own training loop: look on (`watch`), or take the lr in hand (`autopilot`)."""

from etude.live.piloting import Autopilot, autopilot
from etude.live.watching import Watch, watch

__all__ = ["Autopilot", "Watch", "autopilot", "watch"]
