"""reader.py within this process: a look-up takes milliseconds instead of the start of a Python."""
import contextlib
import io
import pathlib
import runpy
import sys


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
