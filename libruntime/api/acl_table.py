"""Reads the tables of the acl interface (tests/data/api/*.tsv)."""

import csv
import dataclasses
import pathlib
import re

# The table lists parameters that have a name, so it cannot show the "..." of these functions.
VARIADIC = {"aclAppLog"}


@dataclasses.dataclass(frozen=True)
class Parameter:
    type: str
    name: str

    def declaration(self) -> str:
        """C declaration; function pointers take their name in the middle."""
        pointer = re.fullmatch(r"(.*\(\*(?:const)?)(\).*)", self.type)
        if pointer:
            return f"{pointer[1]} {self.name}{pointer[2]}"
        return f"{self.type} {self.name}"


@dataclasses.dataclass(frozen=True)
class Function:
    header: str
    returns: str
    name: str
    parameters: tuple[Parameter, ...]

    def parameter_list(self, names: bool = True) -> str:
        """What stands between the parentheses of the prototype."""
        parts = [p.declaration() if names else p.type for p in self.parameters]
        if self.name in VARIADIC:
            parts.append("...")
        return ", ".join(parts) or "void"

    def prototype(self) -> str:
        return f"{self.returns} {self.name}({self.parameter_list()})"


def read_rows(path: pathlib.Path) -> list[list[str]]:
    """Rows of one table without its heading."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if len(rows) < 2:
        raise SystemExit(f"{path}: the table is empty; restore it from version control")
    return rows[1:]


def split_parameters(text: str) -> tuple[Parameter, ...]:
    """Splits at the commas that are not inside a function pointer's own list."""
    if text == "void":
        return ()
    parameters = []
    for part in re.split(r",(?![^()]*\))", text):
        kind, name = re.fullmatch(r"\s*(.*?)\s*(\w+)\s*", part).groups()
        parameters.append(Parameter(kind, name))
    return tuple(parameters)


def read_functions(path: pathlib.Path) -> list[Function]:
    functions = [
        Function(header, returns, name, split_parameters(parameters))
        for header, returns, name, parameters in read_rows(path)
    ]
    names = [function.name for function in functions]
    if len(set(names)) != len(names):
        raise SystemExit(f"{path}: a function is listed twice")
    return functions


def headers_of(functions: list[Function]) -> list[str]:
    """Headers in the order of their first function."""
    return list(dict.fromkeys(function.header for function in functions))
