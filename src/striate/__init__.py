"""Striate: the workbench for convolutional networks.

Names are resolved on first use, so that `import striate` does not import torch.
"""
