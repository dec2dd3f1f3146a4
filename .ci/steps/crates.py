"""Checks the rules between the workspace's crates, from `cargo metadata --no-deps` on standard input.

A function is a thin binary over `shared`: it names no AWS crate, no other function and not the local stack, its binary
is called like its folder, and its `main.rs` has at most 30 lines. `shared` uses neither a function nor `local`.
"""

import json
import pathlib
import sys

MAIN_LINES = 30


def faults_of(package: dict, root: pathlib.Path, functions: set[str]) -> list[str]:
    """What is wrong with one package of the workspace, as sentences."""
    name = package["name"]
    folder = pathlib.Path(package["manifest_path"]).parent
    used = {d["name"] for d in package["dependencies"] if d["kind"] in (None, "build")}
    faults = []
    if name == "shared":
        faults += [f"shared uses {other}" for other in sorted(used & (functions | {"local"}))]
    if name in functions:
        aws = {other for other in used if other.startswith("aws-")}
        faults += [f"{name} uses {other}, which is for `shared`" for other in sorted(aws)]
        faults += [f"{name} uses {other}" for other in sorted(used & (functions | {"local"}))]
        binaries = [t["name"] for t in package["targets"] if "bin" in t["kind"]]
        if binaries != [folder.name]:
            faults.append(f"{folder.relative_to(root)} should build one binary of its name, and builds {binaries}")
        lines = len((folder / "src" / "main.rs").read_text().splitlines())
        if lines > MAIN_LINES:
            faults.append(f"functions/{folder.name}/src/main.rs has {lines} lines; the limit is {MAIN_LINES}")
    return faults


def main() -> int:
    """Prints every fault, or what was checked."""
    metadata = json.load(sys.stdin)
    root = pathlib.Path(metadata["workspace_root"])
    functions = {
        package["name"]
        for package in metadata["packages"]
        if pathlib.Path(package["manifest_path"]).parent.parent == root / "functions"
    }
    faults = [fault for package in metadata["packages"] for fault in faults_of(package, root, functions)]
    if not functions:
        faults.append("no function found under functions/")
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"{len(functions)} functions keep to the fences: {', '.join(sorted(functions))}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
