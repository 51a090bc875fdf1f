"""The commands of the tool, one file each, found by folder and imported only when called."""
