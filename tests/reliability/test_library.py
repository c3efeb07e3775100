"""Rows L1, L2 and L4: killed, cut off and damaged libraries, a few of each; the long form runs in the soak."""

from __future__ import annotations

import random

import pytest

from tests.reliability.library_harness import flips
from tests.reliability.library_kills import kills
from tests.reliability.library_power import power_cuts
from tests.reliability.power import why_not

SEED = random.SystemRandom().randrange(1 << 30)


def test_ten_kills_lose_nothing_that_was_said_to_be_safe() -> None:
    found = kills(10, SEED)  # the seed is printed with what was found
    assert (found.kills, found.lost, found.unsound, found.stale) == (10, {}, 0, [])


def test_without_a_journal_kills_do_harm_so_that_this_test_has_eyes() -> None:
    found = kills(6, SEED, control=True)
    assert found.lost or found.unsound


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_power_cuts_lose_nothing_that_was_said_to_be_safe() -> None:
    found = power_cuts(5, SEED)
    assert (found.cuts, found.lost, found.unsound, found.stale, found.bad_backups) == (5, {}, 0, [], [])


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_power_cuts_of_a_library_that_does_not_wait_for_the_disk_do_harm() -> None:
    assert power_cuts(2, SEED, control=True).lost


def test_flipped_bits_are_noticed_and_brought_back() -> None:
    found = flips(10, SEED)
    for name, total in found.items():
        assert total.flips == 10 and not total.unnoticed and not total.not_brought_back, f"{name}, seed {SEED}: {total}"
        assert not total.others_changed, f"{name}, seed {SEED}: {total}"
    assert found["original"].noticed == found["own file"].noticed == 10
