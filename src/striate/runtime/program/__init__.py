"""A network's forward pass written down as a list of operators, some of them fused: the same answers, sooner.

`recording` runs the network and writes down what it asks of torch, `fusing` joins what oneDNN can do at once, `running`
goes through the list, and `quick` is the module that puts the list in the network's place.
"""
