"""``uv run python -m tests.perf.panels``: how long sampling takes, and how well panels fit their population.

Draws panels of each shipped population and of a table of 50,000 made people, three seeds each, and prints the median
time, the worst total variation distance of any attribute, and the least that whole people allow for it.
"""

import statistics
import time

from toolkit.personas import Population, draw, fit
from toolkit.resources import data_names

SIZES = (300, 1_000, 5_000, 20_000)
SEEDS = (1, 2, 3)
MADE = {
    "age": {"18-24": 0.12, "25-34": 0.18, "35-44": 0.17, "45-54": 0.16, "55-64": 0.16, "65 and over": 0.21},
    "sex": {"female": 0.51, "male": 0.49},
    "region": {"north": 0.2, "east": 0.25, "south": 0.35, "west": 0.2},
    "education": {"low": 0.3, "middle": 0.45, "high": 0.25},
}


def main() -> None:
    """Print one line a population and size."""
    populations = [Population.load(name) for name in data_names("populations", ".toml")]
    populations.append(Population.from_marginals(MADE, n_seed=50_000, name="50,000 made people"))
    print(f"{'population':<20} {'rows':>7} {'n':>7} {'seconds':>8} {'worst TVD':>10} {'best possible':>14}")
    for one in populations:
        for n in SIZES:
            seconds, worst, best = [], 0.0, 0.0
            for seed in SEEDS:
                began = time.perf_counter()
                people = draw(one, n, seed)
                seconds.append(time.perf_counter() - began)
                table = fit(people, one).sort_values("tvd").iloc[-1]
                if table["tvd"] >= worst:
                    worst, best = float(table["tvd"]), float(table["best"])
            told = f"{statistics.median(seconds):8.2f} {worst:10.4f} {best:14.4f}"
            print(f"{one.name:<20} {len(one):7,} {n:7,} {told}")


if __name__ == "__main__":
    main()
