"""Making models: procedural data, training, evaluation."""
