"""Reading pose files of any format, and writing msclr's own."""
