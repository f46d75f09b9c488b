"""Numbers of training code: constants, and polynomials in what the code does not show.

`args.epochs * len(loader)` has no value here, but it is `len(loader)` times `args.epochs`, and that
is what a scheduler's length must be compared with.
"""

import math
from dataclasses import dataclass

_MOST = 8
"""Terms of a polynomial; longer ones become unknown."""
_FINITE = 1e300


@dataclass(frozen=True, slots=True)
class Number:
    """A sum of terms; each is a factor times symbols with powers, `((("epochs", 1),), 2.0)`."""

    terms: tuple[tuple[tuple[tuple[str, int], ...], float], ...] = ()

    def __add__(self, other: "Number") -> "Number":
        """Add."""
        return _sum([*self.terms, *other.terms])

    def __sub__(self, other: "Number") -> "Number":
        """Subtract."""
        return self + other * constant(-1)

    def __mul__(self, other: "Number") -> "Number":
        """Multiply."""
        return _sum([(_product(a, b), x * y) for a, x in self.terms for b, y in other.terms])

    def __truediv__(self, other: "Number") -> "Number":
        """Divide by a single term; anything else gives nan, which is like nothing."""
        if len(other.terms) != 1 or other.terms[0][1] == 0:
            return constant(math.nan)
        (powers, factor) = other.terms[0]
        inverse = tuple((key, -power) for key, power in powers)
        return _sum([(_product(a, inverse), x / factor) for a, x in self.terms])

    @property
    def value(self) -> float | None:
        """The number, where it holds no symbols."""
        if not self.terms:
            return 0.0
        powers, factor = self.terms[0]
        alone = len(self.terms) == 1 and not powers and not math.isnan(factor)
        return factor if alone else None

    @property
    def symbols(self) -> set[str]:
        """All symbols in it."""
        return {key for powers, _ in self.terms for key, _ in powers}

    @property
    def factors(self) -> dict[str, int]:
        """Symbols and powers of a product; empty for a sum or a plain number."""
        return dict(self.terms[0][0]) if len(self.terms) == 1 else {}

    def __str__(self) -> str:
        """Write it as code would: `30 * len(loader)`."""
        if not self.terms:
            return "0"
        return " + ".join(_written(powers, factor) for powers, factor in self.terms)


def constant(value: float) -> Number:
    """Make a number out of a constant."""
    return Number((((), float(value)),)) if value else Number()


def symbol(key: str) -> Number:
    """Make a number out of something unknown."""
    return Number(((((key, 1),), 1.0),))


def _product(
    a: tuple[tuple[str, int], ...], b: tuple[tuple[str, int], ...]
) -> tuple[tuple[str, int], ...]:
    powers = dict(a)
    for key, power in b:
        powers[key] = powers.get(key, 0) + power
    return tuple(sorted((key, power) for key, power in powers.items() if power))


def _sum(terms: list[tuple[tuple[tuple[str, int], ...], float]]) -> Number:
    total: dict[tuple[tuple[str, int], ...], float] = {}
    for powers, factor in terms:
        total[powers] = total.get(powers, 0.0) + factor
    kept = tuple(sorted((powers, factor) for powers, factor in total.items() if factor))
    if len(kept) > _MOST or any(not abs(factor) < _FINITE for _, factor in kept):
        return Number((((), math.nan),))
    return Number(kept)


def _written(powers: tuple[tuple[str, int], ...], factor: float) -> str:
    above = [key if power == 1 else f"{key}**{power}" for key, power in powers if power > 0]
    below = [key if power == -1 else f"{key}**{-power}" for key, power in powers if power < 0]
    if factor != 1 or not above:
        above.insert(0, f"{factor:g}")
    return " * ".join(above) + "".join(f" / {key}" for key in below)
