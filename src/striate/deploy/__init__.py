"""Using a trained network: the files it lives in, predictions, evaluation."""
