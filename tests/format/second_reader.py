"""reader.py within this process: a look-up takes milliseconds instead of the start of a Python."""
import contextlib
import io
import pathlib
import runpy
import sys


def reseal_root(data, superblock, index):
    """Makes the checksums of a root right again."""
    from reader.basics import checksum

    at = 4096 + index * superblock.root_bytes
    generation = int.from_bytes(data[at + 16:at + 24], "little")
    headers = bytes(data[at + 512:at + 512 + 2048 * superblock.shards])
    data[at + 12:at + 16] = checksum(headers, superblock.seed ^ generation).to_bytes(4, "little")
    data[at + 8:at + 12] = bytes(4)
    root = bytes(data[at:at + 512])
    data[at + 8:at + 12] = checksum(root, superblock.seed).to_bytes(4, "little")


class SecondReader:
    def __init__(self, reader):
        sys.path.insert(0, str(pathlib.Path(reader).parent))
        self.main = runpy.run_path(str(reader))["main"]

    def read(self, path, *arguments):
        """(exit code, standard output, standard error) of `reader.py PATH ARGUMENTS...`"""
        out, err, argv = io.StringIO(), io.StringIO(), sys.argv
        sys.argv = ["reader.py", str(path), *arguments]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                return self.main(), out.getvalue(), err.getvalue()
        finally:
            sys.argv = argv

    @staticmethod
    def store(path):
        """The file as an object of reader.py's own."""
        from reader.store import Store

        return Store(str(path))
