"""Checkers for the reader's answers: each says what is wrong, not only that it's wrong.

A checker takes an answer (a number, a function, a network) and returns a ``Verdict``, which a
notebook shows as one line. An answer that is still ``...`` is no mistake. One module a chapter.
"""
# ruff: noqa: F401 (these imports are what the package offers)

from .ch1 import check_readings, check_train_forty, check_variance_factor
from .ch2 import check_block_shape, check_mended_block, check_trunk_variance, check_zero_gamma
from .ch3 import check_conv_macs, check_resnet50_parts, check_separable, check_widest_middle
from .ch4 import check_block_parameters, check_depth, check_resnet26, check_stage_shapes
from .ch5 import check_decode, check_normalised_std, check_to_picture, check_total_std
from .ch6 import check_first_loss, check_loss_epoch, check_plateau, check_recall_precision
from .ch7 import check_ablated, check_shared_gradient, check_smoothed_floor, check_triangle
from .ch8 import (
    check_path_share,
    check_pre_norm,
    check_stochastic_depth,
    check_without_block,
)
