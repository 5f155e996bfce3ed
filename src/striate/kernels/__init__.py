"""What is compiled on the machine: norms, max pooling, Winograd convolutions; README.md says why and when."""
