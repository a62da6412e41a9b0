"""From a source to a labelled timeline: windows, scores, smoothed and merged segments."""
