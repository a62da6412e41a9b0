"""Pixels to scores: the FAL model, its processor, and the zoo of names that ``-m`` takes."""
