"""Reference points, the order of the proposals, and eq. 2."""

import pytest

pytest.importorskip("torch")

import torch
from oracles import p2pnet as oracle

from baselines.p2pnet.proposals import Proposals, channel_pairs, reference_offsets, reference_points

LAYOUTS = {1: (1, 1), 4: (2, 2), 8: (4, 2), 12: (4, 3), 16: (4, 4)}


def test_two_by_two_reference_points_of_stride_8_are_the_middles_of_the_cells_quarters():
    assert reference_offsets(8, 2, 2, "grid").tolist() == [[2, 2], [6, 2], [2, 6], [6, 6]]


def test_one_reference_point_is_the_middle_of_the_cell():
    assert reference_offsets(16, 1, 1, "grid").tolist() == [[8, 8]]


def test_in_the_center_layout_all_reference_points_are_the_middle_of_the_cell():
    assert reference_offsets(8, 2, 2, "center").tolist() == [[4, 4]] * 4


def test_four_rows_of_two_lines_go_down_outside_and_across_inside():
    assert reference_offsets(8, 4, 2, "grid").tolist() == [
        [2, 1],
        [6, 1],
        [2, 3],
        [6, 3],
        [2, 5],
        [6, 5],
        [2, 7],
        [6, 7],
    ]


def test_a_second_cell_to_the_right_comes_before_the_row_below():
    offsets = reference_offsets(8, 1, 1, "grid")
    assert reference_points(2, 3, 8, offsets).tolist() == [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]


@pytest.mark.parametrize("layout", ["grid", "center"])
@pytest.mark.parametrize("stride", [4, 8, 16])
@pytest.mark.parametrize("K", LAYOUTS)
def test_reference_points_are_those_of_the_definitions_loop(K, stride, layout):
    rows, lines = LAYOUTS[K]
    offsets = reference_offsets(stride, rows, lines, layout)
    points = reference_points(3, 5, stride, offsets)
    assert points.shape == (3 * 5 * K, 2)
    expected = torch.tensor(oracle.reference_points(3, 5, stride, rows, lines, layout))
    assert torch.allclose(points, expected, rtol=0, atol=1e-5)


def test_reference_points_lie_inside_their_cell():
    offsets = reference_offsets(4, 4, 4, "grid")
    assert offsets.min() == 0.5
    assert offsets.max() == 3.5


@pytest.mark.parametrize("K", LAYOUTS)
def test_channels_become_pairs_in_the_order_of_the_proposals(K):
    branch = torch.arange(2 * 2 * K * 3 * 5, dtype=torch.float32).reshape(2, 2 * K, 3, 5)
    pairs = channel_pairs(branch)
    assert pairs.shape == (2, 3 * 5 * K, 2)
    assert pairs.tolist() == [oracle.pairs_of(image.tolist(), K) for image in branch]


def test_confidence_is_the_softmax_of_person():
    logits = torch.tensor([[[0.0, 0.0], [1.0, 3.0], [3.0, 1.0]]])
    found = Proposals(logits, torch.zeros(1, 3, 2), 8, 4)
    assert found.confidences[0].tolist() == pytest.approx([0.5, 0.8807971, 0.1192029])
