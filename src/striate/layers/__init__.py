"""What the papers need and `torch.nn` lacks."""

from striate.layers.bilinear import BilinearUpsample, bilinear_, bilinear_kernel
from striate.layers.by_hand.convolution_as_product import im2col_conv2d, toeplitz_matrix
from striate.layers.by_hand.dropout import InvertedDropout, VanillaDropout
from striate.layers.by_hand.locally_connected import LocallyConnected2d
from striate.layers.by_hand.maxout import Maxout
from striate.layers.by_hand.normalisation import batch_norm, group_norm, instance_norm, layer_norm, weight_norm
from striate.layers.drop_path import DropPath
from striate.layers.initialisers import he_normal_, normal_, xavier_uniform_
from striate.layers.local_response_norm import LocalResponseNorm
from striate.layers.squeeze_excitation import SqueezeExcitation
from striate.layers.unpooling import (
    BedOfNailsUnpool,
    NearestUnpool,
    TransposedConv2d,
    max_pool_with_places,
    max_unpool,
)
from striate.layers.wide_convolution import WideConv2d
from striate.layers.zero_pad_shortcut import ZeroPadShortcut

__all__ = [
    "BedOfNailsUnpool",
    "BilinearUpsample",
    "DropPath",
    "InvertedDropout",
    "LocalResponseNorm",
    "LocallyConnected2d",
    "Maxout",
    "NearestUnpool",
    "SqueezeExcitation",
    "TransposedConv2d",
    "VanillaDropout",
    "WideConv2d",
    "ZeroPadShortcut",
    "batch_norm",
    "bilinear_",
    "bilinear_kernel",
    "group_norm",
    "he_normal_",
    "im2col_conv2d",
    "instance_norm",
    "layer_norm",
    "max_pool_with_places",
    "max_unpool",
    "normal_",
    "toeplitz_matrix",
    "weight_norm",
    "xavier_uniform_",
]
