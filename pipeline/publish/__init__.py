"""Chapter audio -> releases: files that players read, whole or not there at all."""
