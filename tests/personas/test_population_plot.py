from __future__ import annotations

import matplotlib as mpl
import pytest

from toolkit.errors import InvalidInput
from toolkit.personas import Population, draw
from toolkit.personas.plot import plot_fit, plot_marginals

ADULTS = Population.load("us-adults-2012")


def texts(fig):
    return [one.get_text() for one in fig.axes[0].texts]


def test_population_is_drawn_with_every_level_and_its_share():
    fig = ADULTS.plot()
    said = texts(fig)
    for one in ADULTS.measured:
        assert one.label in said
        assert set(one.all_levels) <= set(said)
    assert "49.6%" in said
    assert len(fig.axes[0].patches) == len(ADULTS.targets())
    assert "1,561" in fig.axes[0].get_title(loc="left")


def test_fit_is_drawn_as_two_bars_a_level_with_the_distance():
    people = draw(ADULTS, 50, 7)
    fig = plot_fit(people, ADULTS)
    assert len(fig.axes[0].patches) == 2 * len(ADULTS.targets())
    assert any(text.startswith("Sex (TVD 0.0") for text in texts(fig))
    widths = sorted(one.get_height() for one in fig.axes[0].patches)
    assert widths[0] < widths[-1]


def test_pictures_leave_the_users_settings_alone():
    before = dict(mpl.rcParams)
    plot_marginals(Population.load("us-voters-1996"))
    assert dict(mpl.rcParams) == before


def test_longest_bars_stay_in_their_column():
    fig = plot_marginals(ADULTS)
    for bar in fig.axes[0].patches:
        assert bar.get_x() % 1.0 + bar.get_width() <= 0.9


def test_one_attribute_is_enough_for_a_picture():
    import pandas as pd

    alone = Population.from_frame(pd.DataFrame({"city": ["$Ulm$", "Bern_x"]}))
    assert "$Ulm$" in texts(alone.plot())


def test_people_without_a_column_are_refused():
    with pytest.raises(InvalidInput, match="no column 'sex'"):
        plot_fit(ADULTS.frame.drop(columns="sex"), ADULTS)
