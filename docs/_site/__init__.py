"""What the documentation draws and lists from the package itself while it is built."""
