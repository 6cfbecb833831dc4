"""A second reader of hmap store files, written from format.md alone. See ../reader.py."""
