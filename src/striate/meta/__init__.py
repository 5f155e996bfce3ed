"""Networks without numbers: what stands in for their weights, and what operators make of shapes alone."""
