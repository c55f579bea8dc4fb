#!/usr/bin/env python3
"""Writes one C and one C++ source for each acl header that check it against the tables.

Each source includes its header first and alone, then states every row that the tables list for
that header as a declaration or a static assertion. To compile them all is the test.
"""

import argparse
import collections
import pathlib

import acl_table

# A row of structs.tsv whose type says only this much describes the structure itself or a member
# without a type name.
KINDS = ("struct", "union")


class Tables:
    """Rows of the tables by header."""

    def __init__(self, folder: pathlib.Path):
        self.functions = collections.defaultdict(list)
        for function in acl_table.read_functions(folder / "functions.tsv"):
            self.functions[function.header].append(function)
        self.enums = self._by_header(folder / "enums.tsv")
        self.structs = self._by_header(folder / "structs.tsv")
        self.constants = self._by_header(folder / "constants.tsv")
        self.typedefs = self._by_header(folder / "typedefs.tsv")

    @staticmethod
    def _by_header(path: pathlib.Path):
        rows = collections.defaultdict(list)
        for header, *rest in acl_table.read_rows(path):
            rows[header].append(rest)
        return rows

    def headers(self) -> set[str]:
        tables = (self.functions, self.enums, self.structs, self.constants, self.typedefs)
        return set().union(*tables)


def enum_checks(tables: Tables, header: str, assertion: str) -> list[str]:
    return [f'{assertion}({name} == {value}, "{name}");' for _, name, value in tables.enums[header]]


def layout_checks(tables: Tables, header: str, assertion: str) -> list[str]:
    lines = []
    for owner, field, offset, size, _ in tables.structs[header]:
        # A name with "struct" before it need not be known without it.
        tag = owner if (owner in {row[0] for row in tables.typedefs[header]}) else f"struct {owner}"
        if not field:
            lines.append(f'{assertion}(sizeof({tag}) == {size}, "{owner}");')
            continue
        lines.append(f'{assertion}(offsetof({tag}, {field}) == {offset}, "{owner}.{field}");')
        lines.append(f'{assertion}(sizeof((({tag}*)0)->{field}) == {size}, "{owner}.{field}");')
    return lines


def field_type_checks(tables: Tables, header: str) -> list[str]:
    lines = []
    for owner, field, _, _, kind in tables.structs[header]:
        member = f"(({owner}*)0)->{field}" if "." in field else f"{owner}::{field}"
        what = f"decltype({member})"
        if not field:
            trait = "std::is_union_v" if kind == "union" else "std::is_class_v"
            lines.append(f'static_assert({trait}<{owner}>, "{owner}");')
        elif kind in KINDS:
            trait = "std::is_union_v" if kind == "union" else "std::is_class_v"
            lines.append(f'static_assert({trait}<{what}>, "{owner}.{field}");')
        elif kind.endswith("[0]"):
            # No type trait takes an array without elements.
            element = kind.removesuffix("[0]")
            lines.append(
                f"static_assert(std::is_same_v<std::remove_reference_t<"
                f'decltype(*(({owner}*)0)->{field})>, {element}>, "{owner}.{field}");'
            )
        else:
            if kind.startswith("union "):
                kind = f"{owner}::{kind.removeprefix('union ')}"
            lines.append(f'static_assert(std::is_same_v<{what}, {kind}>, "{owner}.{field}");')
    return lines


def c_source(tables: Tables, header: str) -> str:
    lines = [f'#include "{header}"', "", "#include <stddef.h>", ""]
    # A declaration that differs from the header's is an error in C.
    lines += [f"{function.prototype()};" for function in tables.functions[header]]
    lines += enum_checks(tables, header, "_Static_assert")
    lines += layout_checks(tables, header, "_Static_assert")
    return "\n".join(lines) + "\n"


def cpp_source(tables: Tables, header: str) -> str:
    lines = [f'#include "{header}"', "", "#include <cstddef>", "#include <type_traits>", ""]
    for function in tables.functions[header]:
        signature = f"{function.returns} (*)({function.parameter_list(names=False)})"
        lines.append(
            f"static_assert(std::is_same_v<decltype(&{function.name}), {signature}>, "
            f'"{function.name}");'
        )
        # Accepted only where the header, too, gives the function C linkage.
        lines.append(f'extern "C" {function.prototype()};')
    lines += enum_checks(tables, header, "static_assert")
    for enum, name, _ in tables.enums[header]:
        lines.append(f'static_assert(std::is_same_v<decltype({name}), {enum}>, "{name}");')
    lines += layout_checks(tables, header, "static_assert")
    lines += field_type_checks(tables, header)
    for name, value in tables.constants[header]:
        lines.append(f'static_assert({name} == {value}, "{name}");')
    for name, kind in tables.typedefs[header]:
        lines.append(f'static_assert(std::is_same_v<{name}, {kind}>, "{name}");')
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=pathlib.Path, required=True, help="folder of the *.tsv")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder to write to")
    parser.add_argument("headers", nargs="+", help="headers as programs include them")
    arguments = parser.parse_args()
    tables = Tables(arguments.tables)
    absent = tables.headers() - set(arguments.headers)
    if absent:
        parser.error(f"the tables list headers that do not exist: {', '.join(sorted(absent))}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for header in arguments.headers:
        stem = header.replace("/", "_").removesuffix(".h")
        (arguments.out / f"{stem}.c").write_text(c_source(tables, header), encoding="utf-8")
        (arguments.out / f"{stem}.cc").write_text(cpp_source(tables, header), encoding="utf-8")


if __name__ == "__main__":
    main()
