"""A fault to plant, and the tests that are expected to find it."""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class Suite:
    """Tests of one program: a GoogleTest filter, and the environment that keeps them short."""
    target: str  # its name in the build; the folder of tests/ it is in comes from there, too
    tests: str = "*"
    environment: tuple[tuple[str, str], ...] = ()

    def __str__(self):
        return f"{self.target}:{self.tests}"


@dataclasses.dataclass(frozen=True)
class Edit:
    """Text of a file that occurs exactly once, and what takes its place."""
    file: str  # under lib/src
    old: str
    new: str

    def path(self, root):
        return pathlib.Path(root) / "lib/src" / self.file

    def apply(self, text):
        """The text with the fault in it. ValueError if the place is not found exactly once."""
        count = text.count(self.old)
        if count != 1:
            raise ValueError(f"{self.file}: found {count} times instead of once: {self.old!r}")
        if self.old == self.new:
            raise ValueError(f"{self.file}: changes nothing: {self.old!r}")
        return text.replace(self.old, self.new)


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One fault. `step` is what is left out or done in the wrong order, as lib/README.md and
    reliability tests name it; `suites` are tried in turn until one fails."""
    name: str
    step: str
    edits: tuple[Edit, ...]
    suites: tuple[Suite, ...]

    def texts(self, root):
        """The files that change, each with its faulty text."""
        changed = {}
        for edit in self.edits:
            path = edit.path(root)
            text = changed.get(path)
            changed[path] = edit.apply(path.read_text("utf-8") if text is None else text)
        return changed


def mutant(name, step, edits, *suites):
    """A mutant from (file, old text, new text), or a list of such."""
    if isinstance(edits, tuple):
        edits = [edits]
    return Mutant(name, step, tuple(Edit(*edit) for edit in edits), suites)
