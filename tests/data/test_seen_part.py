"""The part of a picture that a network sees, in numbers of one picture and in those of batches."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.core.records import FITS, Preprocess
from striate.data.picture import network_geometry, working_geometry
from striate.data.working_size import seen_box

SIDES = st.tuples(st.integers(1, 90), st.integers(1, 90))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(size=SIDES, seen=st.integers(1, 12), working=st.integers(1, 24), fit=st.sampled_from(FITS))
def test_it_is_where_the_corners_of_the_input_come_from(size, seen, working, fit):
    preprocess = Preprocess((seen, seen + 3), (working, working + 3), fit=fit)
    corners = torch.tensor([[0.0, 0.0], [seen + 3, seen]], dtype=torch.float64)
    of = torch.tensor([0, 0])
    in_picture = working_geometry(size, preprocess).back(network_geometry(1, preprocess).back(corners, of), of)
    shares = (in_picture / torch.tensor([size[1], size[0]])).flatten().tolist()
    assert seen_box(size, preprocess) == pytest.approx(shares, abs=1e-9)
