"""What is compiled on the machine it runs on: fused norms and Winograd convolutions; README.md says why and when."""
