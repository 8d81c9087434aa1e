"""Figures of views as people read them."""

import pytest

from pose3d.multiview.in_words import say_disagreement, shown


def test_what_is_unknown_is_a_dash_in_lists_and_by_joint_too():
    assert shown(None) == "-" and shown(1.5) == "1.5"
    assert shown([12.5, None]) == "12.5, -"
    assert shown({"Hip": 75.0, "RHip": None}) == "Hip 75.0, RHip -"


@pytest.mark.parametrize(("consistent_pct", "said"), [(4.9, True), (5.0, False)])
def test_views_of_which_hardly_a_joint_is_consistent_are_asked_about(consistent_pct, said, capsys):
    say_disagreement({"consistent_pct": consistent_pct})
    sentence = f"the views do not agree, {consistent_pct} % of the joints are consistent: "
    assert capsys.readouterr().err.startswith(sentence) == said
