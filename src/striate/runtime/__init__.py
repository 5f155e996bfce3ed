"""Where and in which numbers a network runs: device, precision, layout, threads, kernels; allocator and signals."""
