#!/usr/bin/env python3
"""Checks that the page of supported functions says what the library says, or writes it.

A function is supported if the library defines it, and unsupported if only the weak definition that
gen_stubs.py made is there. The subjects are the section titles of the headers.
"""

import argparse
import pathlib
import re
import subprocess
import sys

import acl_table
import support_reasons

INTRODUCTION = """\
# Supported functions

Every function of the acl interface can be linked and called. Of the {total}, {supported} are supported.
Each of the others logs one line with its name and returns `ACL_ERROR_RT_FEATURE_NOT_SUPPORT`
(207000), or null or zero if it returns no `aclError`.

This page is made from the library; `ctest -R api_support_page` compares the two, and

    python3 libruntime/api/gen_support.py --update --library <build>/lib/libacl_rt.so

brings the page up to date.

## Which programs work

Programs that use what the tables below call supported, written for this library or for CANN: they
are compiled against either one's `acl/acl.h` and linked with `-lacl_rt` or `-lascendcl`. That is
set-up and information, devices and contexts, streams, events, notifies, copies and memory of all
kinds, host functions, kernels and what becomes of their failures, reductions and random numbers.

| programs that | work | why |
| --- | --- | --- |
| launch kernels written as C++ over pointers, with `GetBlockIdx`, `printf` and the like | yes | npucc compiles them, launches by `<<<>>>` too |
| launch kernels written with the tensor classes of AscendC (`TPipe`, `TQue`, `LocalTensor`, ...) | no | npucc has no such classes: write them as loops over pointers |
| load kernels that CANN's compilers built | no | these are instructions of another processor; npucc builds images |
| share memory, events or notifies between processes | on the device node | each embedded driver belongs to one process |
| look for overflow in the saturation mode | no | the cores give infinities and NaN; the mode is refused |
| call operators (`aclnn...`, `aclop...`) or load models (`aclmdlLoad...`) | no | these are other libraries, which generate code for the chip |
| send tensors by channels and queues (`acltdt...`) | no | see there |
| collect profiles or dumps | no | see there |

Some flags are refused as well (207000, with a message that names them): streams for device code
only, events and notifies for device code only, host memory that is registered
read-only.

## Functions

| header | supported | functions |
| --- | ---: | ---: |
"""


class Section:
    """Functions under one title of one header."""

    def __init__(self, header: str, title: str):
        self.header = header
        self.title = title
        self.functions: list[str] = []


def read_sections(include: pathlib.Path, names: set[str]) -> list[Section]:
    """Sections of all headers in reading order; each listed function is in exactly one."""
    sections = []
    for path in sorted((include / "acl").rglob("*.h")):
        section = Section(str(path.relative_to(include)), "")
        for line in path.read_text(encoding="utf-8").splitlines():
            title = re.fullmatch(r"// -{3,} (.*?) -{3,}", line)
            if title:
                section = Section(section.header, title[1])
            # A declaration starts in the first column, unlike its further lines and comments.
            declared = re.match(r"[A-Za-z].*?\b(acl\w+)\(", line) or re.match(r"(acl\w+)\(", line)
            if declared and declared[1] in names:
                if not section.functions:
                    sections.append(section)
                section.functions.append(declared[1])
    found = [name for section in sections for name in section.functions]
    if sorted(found) != sorted(names):
        differing = sorted(set(found) ^ names) or "a function is declared twice"
        raise SystemExit(f"{include}: the headers and the table of functions differ: {differing}")
    return sections


def read_supported(nm: str, library: pathlib.Path) -> set[str]:
    """Names with an ordinary definition; a weak one is only the stub."""
    command = [nm, "--dynamic", "--defined-only", "--format=posix", str(library)]
    listing = subprocess.run(command, check=False, capture_output=True, text=True)
    if listing.returncode != 0:
        raise SystemExit(f"{nm} cannot read {library}: {listing.stderr.strip()}")
    symbols = [line.split() for line in listing.stdout.splitlines()]
    return {name for name, kind, *_ in symbols if kind == "T"}


def stub_result(function: acl_table.Function) -> str:
    if function.returns == "aclError":
        return "returns 207000"
    if function.returns == "void":
        return "does nothing"
    return "returns null" if function.returns.endswith("*") else "returns 0"


def reasons(names: list[str], supported: set[str]) -> list[str]:
    """Lines that say why functions of a section are not supported."""
    by_reason: dict[str, list[str]] = {}
    for name in names:
        if name not in supported:
            by_reason.setdefault(support_reasons.reason(name), []).append(name)
    if len(by_reason) == 1 and not supported.intersection(names):
        return [f"\n{next(iter(by_reason))}\n"]
    lines = []
    for text, functions in by_reason.items():
        listed = ", ".join(f"`{name}`" for name in functions)
        lines.append(f"\n{listed}: {text[0].lower() + text[1:]}\n")
    return lines


def page(
    sections: list[Section], functions: dict[str, acl_table.Function], supported: set[str]
) -> str:
    count = sum(name in supported for name in functions)
    lines = [INTRODUCTION.format(total=len(functions), supported=count)]
    by_header: dict[str, list[Section]] = {}
    for section in sections:
        by_header.setdefault(section.header, []).append(section)
    for header, parts in by_header.items():
        names = [name for part in parts for name in part.functions]
        count = sum(name in supported for name in names)
        link = f"[{header}](../libruntime/include/{header})"
        lines.append(f"| {link} | {count} | {len(names)} |\n")
    for header, parts in by_header.items():
        lines.append(f"\n## {header}\n")
        for part in parts:
            lines.append(f"\n### {part.title}\n")
            lines += reasons(part.functions, supported)
            lines.append("\n| function | |\n| --- | --- |\n")
            for name in part.functions:
                state = "supported" if name in supported else stub_result(functions[name])
                lines.append(f"| `{name}` | {state} |\n")
    return "".join(lines)


def main() -> None:
    root = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=pathlib.Path, required=True, help="libacl_rt.so")
    for name, default, meaning in (
        ("--functions", "tests/data/api/functions.tsv", "table of the functions"),
        ("--include", "libruntime/include", "folder of the headers"),
        ("--page", "docs/support.md", "page to check or write"),
    ):
        parser.add_argument(name, type=pathlib.Path, default=root / default, help=meaning)
    parser.add_argument("--nm", default="nm", help="the nm to run")
    parser.add_argument("--update", action="store_true", help="write the page")
    arguments = parser.parse_args()
    functions = {f.name: f for f in acl_table.read_functions(arguments.functions)}
    sections = read_sections(arguments.include, set(functions))
    text = page(sections, functions, read_supported(arguments.nm, arguments.library))
    if arguments.update:
        arguments.page.write_text(text, encoding="utf-8")
        return
    if not arguments.page.exists() or arguments.page.read_text(encoding="utf-8") != text:
        sys.exit(
            f"{arguments.page} does not say what {arguments.library} supports; bring it up to "
            f"date: python3 {__file__} --update --library {arguments.library}"
        )


if __name__ == "__main__":
    main()
