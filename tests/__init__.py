"""The test job; a package, since others install one of this name."""
