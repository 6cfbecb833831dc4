"""Pseudo-terminals for the tests: what the tool draws for people."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from support import tool


def environment(**changes):
    """The environment of somebody at a terminal with colours, unless `changes` says otherwise."""
    result = dict(os.environ, TERM="xterm")
    result.pop("NO_COLOR", None)
    result.update(changes)
    return result


class Terminal:
    """A pseudo-terminal; `theirs` is for the program, read() gives what was drawn.

    What start() starts belongs to it, so that type(b"\x03") is Ctrl-C."""

    def __init__(self, columns=100, lines=40):
        self.size = struct.pack("HHHH", lines, columns, 0, 0)

    def __enter__(self):
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, self.size)
        return self

    def __exit__(self, *_):
        os.close(self.ours)
        os.close(self.theirs)

    def start(self, *arguments, **options):
        """The tool, with this as its controlling terminal and standard error."""

        def take_terminal():
            fcntl.ioctl(self.theirs, termios.TIOCSCTTY, 0)

        options.setdefault("env", environment())
        return subprocess.Popen(
            [tool(), *arguments],
            stderr=self.theirs,
            start_new_session=True,
            preexec_fn=take_terminal,
            **options,
        )

    def type(self, keys):
        os.write(self.ours, keys)

    def read(self, seconds=0):
        """All that was drawn since, after waiting so long for the first of it."""
        data = b""
        while select.select([self.ours], [], [], 0 if data else seconds)[0]:
            data += os.read(self.ours, 65536)
        return data


def run_on_terminal(*arguments, columns=100, lines=40, env=None, until=None, timeout=60):
    """Runs the tool with a terminal as its standard output, to its end or until `until` was drawn,
    and returns all that was drawn."""
    with Terminal(columns, lines) as terminal:
        with subprocess.Popen(
            [tool(), *arguments], stdout=terminal.theirs, env=env or environment()
        ) as process:
            drawn, end = b"", time.monotonic() + timeout
            while process.poll() is None and (until is None or until not in drawn):
                drawn += terminal.read(0.05)
                if time.monotonic() > end:
                    process.kill()
                    raise TimeoutError(drawn)
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(timeout)
            return drawn + terminal.read()
