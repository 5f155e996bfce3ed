"""What a target is: loss, metric, how to read an output. Classification first."""
