#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Resolves emulator/Kconfig for the build.

kconfiglib does the evaluating. What is ours is the dialect: as in QEMU, and unlike in Linux,
no symbol has a prompt, yet any may be set by the user; and values that contradict each other
are an error that names both sides, where Linux would warn and go on.

The result is a file of CONFIG_X=y lines for meson's keyval module.
"""

import argparse
import os
import sys

import kconfiglib


class ConfigError(Exception):
    """A configuration that cannot be had; its text is one line for the user."""


def config_read(path):
    """The assignments in a .config fragment, as (name, value, where) triples."""
    with open(path, encoding="utf-8") as f:
        lines = [line.split("#")[0].strip() for line in f]
    return [
        assignment_parse(line, f"{path}:{number}")
        for number, line in enumerate(lines, 1)
        if line
    ]


def assignment_parse(text, where):
    name, _, value = text.partition("=")
    if not name.startswith("CONFIG_") or value not in ("y", "n"):
        raise ConfigError(f"{where}: '{text}' is neither CONFIG_X=y nor CONFIG_X=n")
    return name[len("CONFIG_"):], value, where


def kconfig_load(path, default_devices):
    """Parses the tree below `path`; `source` lines are relative to its directory."""
    os.environ["srctree"] = os.path.dirname(os.path.abspath(path))
    os.environ["CONFIG_"] = "CONFIG_"
    kconf = kconfiglib.Kconfig(os.path.basename(path), warn=False)
    if kconf.missing_syms or kconf.modules.nodes:
        raise ConfigError(f"{path}: only bool symbols are understood")
    for sym in kconf.unique_defined_syms:
        if sym.orig_type != kconfiglib.BOOL:
            raise ConfigError(f"{path}: {sym.name} is not a bool")
        # kconfiglib lets the user set what has a prompt that is visible.
        for node in sym.nodes:
            node.prompt = (sym.name, sym.direct_dep)
        if not default_devices:
            sym.defaults = []
            sym.weak_rev_dep = kconf.n
    return kconf


def terms(expr):
    """The parts of a conjunction."""
    if isinstance(expr, tuple) and expr[0] is kconfiglib.AND:
        return terms(expr[1]) + terms(expr[2])
    return [expr]


def expr_text(expr):
    return kconfiglib.expr_str(expr, lambda sc: f"CONFIG_{sc.name}")


def unmet(sym):
    """Which of a symbol's requirements are not met, for a message."""
    return " and ".join(
        expr_text(t) for t in terms(sym.direct_dep) if not kconfiglib.expr_value(t)
    )


def selectors(kconf, sym):
    """The enabled symbols that select `sym`."""
    return [
        other
        for other in kconf.unique_defined_syms
        if other.tri_value
        and any(
            target is sym and kconfiglib.expr_value(condition)
            for target, condition in other.selects
        )
    ]


def kconfig_check(kconf, asked):
    """Raises ConfigError where selections, requirements and the user's wishes contradict."""
    for sym in kconf.unique_defined_syms:
        if sym.tri_value and not kconfiglib.expr_value(sym.direct_dep):
            by = selectors(kconf, sym)[0]
            raise ConfigError(
                f"CONFIG_{by.name} selects CONFIG_{sym.name}, which depends on "
                f"{unmet(sym)}, which is not met"
            )
    for name, (value, where) in asked.items():
        sym = kconf.syms[name]
        if sym.str_value == value:
            continue
        if value == "n":
            by = selectors(kconf, sym)[0]
            raise ConfigError(
                f"{where}: CONFIG_{name}=n contradicts CONFIG_{by.name}=y, which selects it"
            )
        raise ConfigError(
            f"{where}: CONFIG_{name}=y depends on {unmet(sym)}, which is not met"
        )


def kconfig_resolve(path, assignments, default_devices=True):
    """The {name: bool} of every symbol; later assignments replace earlier ones."""
    try:
        kconf = kconfig_load(path, default_devices)
        asked = {}
        for name, value, where in assignments:
            sym = kconf.syms.get(name)
            if sym is None or not sym.nodes:
                raise ConfigError(f"{where}: there is no CONFIG_{name}")
            sym.set_value(value)
            asked[name] = value, where
        kconfig_check(kconf, asked)
        return {sym.name: sym.tri_value == 2 for sym in kconf.unique_defined_syms}
    except kconfiglib.KconfigError as e:
        raise ConfigError(" ".join(str(e).split())) from e


def config_write(path, config):
    """Writes the result, unless it is there already: what depends on it stays up to date."""
    text = "".join(
        f"CONFIG_{name}=y\n" if on else f"# CONFIG_{name} is not set\n"
        for name, on in sorted(config.items())
    )
    try:
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--config", action="append", default=[], metavar="FILE",
                        help="a file of CONFIG_X=y and CONFIG_X=n lines")
    parser.add_argument("--set", action="append", default=[], metavar="CONFIG_X=y|n",
                        help="one value, over those of the files")
    parser.add_argument("--no-defaults", action="store_true",
                        help="'default' and 'imply' do not count")
    parser.add_argument("--output", required=True, metavar="FILE")
    parser.add_argument("kconfig", nargs="+", metavar="KCONFIG",
                        help="the first is the top; the others are named for the build's sake")
    args = parser.parse_args()
    try:
        assignments = [a for path in args.config for a in config_read(path)]
        assignments += [assignment_parse(text, "-Dconfig") for text in args.set]
        config_write(args.output,
                     kconfig_resolve(args.kconfig[0], assignments, not args.no_defaults))
    except (ConfigError, OSError) as e:
        print(f"kconfig: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
