"""A map of vectors as one page of HTML, with the moving figure of each clip."""

from msclr.explore.writing import WrittenMap, write_map

__all__ = ["WrittenMap", "write_map"]
