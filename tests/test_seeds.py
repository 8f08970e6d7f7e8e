from toolkit.seeds import derive, generator, rng


def test_seed_of_a_place_never_changes():
    """The values are part of every study: a change here would change every panel ever drawn."""
    assert derive(7, "names", 3) == 7792173704015680623
    assert rng(7, "names", 3).random() == 0.7711342465638183
    assert generator(7, "names", 3).integers(1_000_000) == 868569


def test_different_places_have_different_seeds():
    places = [(), ("a",), ("a", "b"), ("ab",), ("a", 1), ("a", "1"), (1,), ("1",), ("",), ("", ""), ("b", "a")]
    seeds = [derive(seed, *place) for seed in (0, 1, -1, 10**30) for place in places]
    assert len(set(seeds)) == len(seeds)


def test_separator_within_a_name_does_not_make_two_places_one():
    places = [("a", "b"), ("a\x1fs:b",), ("a\x1f", "b"), ("a", "\x1fb")]
    assert len({derive(0, *place) for place in places}) == len(places)


def test_seed_has_63_bits():
    assert all(0 <= derive(seed, "x") < 2**63 for seed in range(200))


def test_half_a_surrogate_pair_in_an_id_has_a_seed():
    assert derive(0, "\ud800") != derive(0, "\ud801")


def test_order_of_draws_does_not_matter():
    first = [rng(7, "p", place).random() for place in range(5)]
    second = [rng(7, "p", place).random() for place in reversed(range(5))]
    assert first == second[::-1]
    assert generator(7, "x").random(3).tolist() == generator(7, "x").random(3).tolist()
