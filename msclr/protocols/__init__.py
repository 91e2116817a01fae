"""The data sets that the papers train and test on: which clips, on which side of which split, prepared how."""
