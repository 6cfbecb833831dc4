"""Finds the functions of a C++ file by counting braces: close enough to limit their length.

A brace that opens outside of any function, behind text with parentheses, opens a function's body,
unless that text declares a type or a namespace. Lambdas and blocks inside count as its lines.
"""

import re

# Comments, string and character literals, and preprocessor directives with their continuations.
NOISE = re.compile(r"""
      //[^\n]*
    | /\*.*?\*/
    | \bR"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"
    | "(?:\\.|[^"\\\n])*"
    | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'
    | ^[ \t]*\#(?:\\\n|[^\n])*
    """, re.X | re.S | re.M)

OUTER = re.compile(r"^(?:template\b.*>\s*)?(?:inline\s+)?(?:namespace|extern)\b", re.S)
TYPE = re.compile(r"\b(?:class|struct|union|enum)\b[^()]*(?:\([^()]*\)[^()]*)?$", re.S)


def without_noise(text):
    """The text with everything that may hide a brace replaced by spaces, lines kept."""
    return NOISE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def opens_function(header):
    header = header.strip()
    if "(" not in header or OUTER.match(header):
        return False
    return not (TYPE.search(header) and not header.rstrip().endswith(")"))


def cpp_functions(text):
    """[(name, first line, last line)] of every function body in `text`."""
    code = without_noise(text)
    found = []
    begin = 0  # where the declaration being read began
    depth = 0  # braces open inside the present function
    line_of = lambda index: code.count("\n", 0, index) + 1
    for brace in re.finditer(r"[{};]", code):
        at = brace.start()
        if depth:
            depth += {"{": 1, "}": -1, ";": 0}[brace[0]]
            # Behind a member's initializer, member_{value}, the body is still to come.
            if not depth and not re.match(r"\s*[,{]", code[at + 1:]):
                first = begin + len(code[begin:]) - len(code[begin:].lstrip())
                name = re.search(r"[\w~:]+(?=\s*\()", code[begin:at])
                found.append((name[0] if name else "?", line_of(first), line_of(at)))
                begin = at + 1
        elif brace[0] == "{" and opens_function(code[begin:at]):
            depth = 1
        else:
            begin = at + 1
    return found
