#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks tools/kconfig.py: the dialect is that of QEMU's docs/devel/kconfig.rst.

Run as: kconfig.py SOURCE_ROOT
"""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.getcwd()

KCONFIG = """
config BUS
	bool

config GROUP
	bool

config CHIP
	bool
	depends on BUS

config TOY
	bool
	default y if GROUP
	depends on BUS

config EXTRA
	bool

config BOARD
	bool
	select CHIP
	imply EXTRA
	imply GROUP

config GOOD_BOARD
	bool
	select BUS
	select CHIP
	imply EXTRA
	imply GROUP
"""


def resolve(kconfig, *assignments, defaults=True):
    """Runs the tool; returns (the set of enabled symbols or None, what it said)."""
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "config.mak")
        command = [sys.executable, os.path.join(ROOT, "tools/kconfig.py"), "--output", output]
        for assignment in assignments:
            command += ["--set", assignment]
        if not defaults:
            command.append("--no-defaults")
        if not os.path.isabs(kconfig):
            path = os.path.join(folder, "Kconfig")
            with open(path, "w", encoding="utf-8") as f:
                f.write(kconfig)
            kconfig = path
        done = subprocess.run(command + [kconfig], capture_output=True, text=True, check=False)
        if done.returncode:
            return None, done.stderr
        with open(output, encoding="utf-8") as f:
            lines = f.read().split("\n")
        return {line[len("CONFIG_"):-len("=y")] for line in lines if line.endswith("=y")}, ""


class Dialect(unittest.TestCase):
    def test_select_and_imply_and_group_default(self):
        enabled, _ = resolve(KCONFIG, "CONFIG_GOOD_BOARD=y")
        self.assertEqual(enabled, {"GOOD_BOARD", "BUS", "CHIP", "EXTRA", "GROUP", "TOY"})

    def test_nothing_is_on_by_itself(self):
        self.assertEqual(resolve(KCONFIG), (set(), ""))

    def test_without_defaults_only_selections_count(self):
        enabled, _ = resolve(KCONFIG, "CONFIG_GOOD_BOARD=y", defaults=False)
        self.assertEqual(enabled, {"GOOD_BOARD", "BUS", "CHIP"})

    def test_without_defaults_the_user_can_add(self):
        enabled, _ = resolve(KCONFIG, "CONFIG_GOOD_BOARD=y", "CONFIG_TOY=y", defaults=False)
        self.assertEqual(enabled, {"GOOD_BOARD", "BUS", "CHIP", "TOY"})

    def test_user_turns_off_what_is_implied(self):
        enabled, _ = resolve(KCONFIG, "CONFIG_GOOD_BOARD=y", "CONFIG_GROUP=n")
        self.assertEqual(enabled, {"GOOD_BOARD", "BUS", "CHIP", "EXTRA"})

    def test_later_value_replaces_earlier(self):
        enabled, _ = resolve(KCONFIG, "CONFIG_EXTRA=y", "CONFIG_EXTRA=n")
        self.assertEqual(enabled, set())

    def test_unmet_dependency_turns_a_default_off(self):
        enabled, _ = resolve(KCONFIG, "CONFIG_GROUP=y")
        self.assertEqual(enabled, {"GROUP"})


class Contradictions(unittest.TestCase):
    def assert_refused(self, result, *names):
        enabled, said = result
        self.assertIsNone(enabled)
        self.assertEqual(said.count("\n"), 1, said)
        for name in names:
            self.assertIn(name, said)

    def test_select_against_depends_names_both(self):
        self.assert_refused(resolve(KCONFIG, "CONFIG_BOARD=y"),
                            "CONFIG_BOARD ", "CONFIG_CHIP", "CONFIG_BUS")

    def test_user_against_select_names_both(self):
        self.assert_refused(resolve(KCONFIG, "CONFIG_GOOD_BOARD=y", "CONFIG_CHIP=n"),
                            "CONFIG_GOOD_BOARD", "CONFIG_CHIP=n")

    def test_user_against_depends_names_both(self):
        self.assert_refused(resolve(KCONFIG, "CONFIG_TOY=y"), "CONFIG_TOY=y", "CONFIG_BUS")

    def test_unknown_symbol(self):
        self.assert_refused(resolve(KCONFIG, "CONFIG_NOBODY=y"), "CONFIG_NOBODY")

    def test_not_an_assignment(self):
        for text in ("CONFIG_TOY", "TOY=y", "CONFIG_TOY=m", "=y", ""):
            self.assert_refused(resolve(KCONFIG, text), f"'{text}'")

    def test_broken_kconfig(self):
        self.assert_refused(resolve("config X\n\tbool\n\tselect\n"), "Kconfig:3")

    def test_dependency_loop(self):
        loop = "config A\n\tbool\n\tdepends on B\nconfig B\n\tbool\n\tdepends on A\n"
        self.assert_refused(resolve(loop), "loop")


class Tree(unittest.TestCase):
    """The project's own Kconfig files."""

    TOP = os.path.join(ROOT, "emulator/Kconfig")

    def test_minimal_is_a_proper_subset(self):
        whole, _ = resolve(self.TOP, "CONFIG_PC=y", "CONFIG_TCG=y")
        minimal, _ = resolve(self.TOP, "CONFIG_PC=y", "CONFIG_TCG=y", defaults=False)
        self.assertLess(minimal, whole)
        self.assertIn("NS16550", minimal)
        self.assertIn("ISA_DEBUG_EXIT", whole - minimal)

    def test_accelerator_of_the_host(self):
        without, _ = resolve(self.TOP, "CONFIG_PC=y", "CONFIG_TCG=y")
        self.assertNotIn("KVM", without)
        there, _ = resolve(self.TOP, "CONFIG_HOST_KVM=y")
        self.assertIn("KVM", there)
        off, _ = resolve(self.TOP, "CONFIG_HOST_KVM=y", "CONFIG_KVM=n")
        self.assertNotIn("KVM", off)
        enabled, said = resolve(self.TOP, "CONFIG_KVM=y")
        self.assertIsNone(enabled)
        self.assertIn("CONFIG_HOST_KVM", said)

    def test_board_cannot_lose_what_it_selects(self):
        enabled, said = resolve(self.TOP, "CONFIG_PC=y", "CONFIG_I8259=n")
        self.assertIsNone(enabled)
        self.assertIn("CONFIG_PC", said)
        self.assertIn("CONFIG_I8259", said)


if __name__ == "__main__":
    unittest.main()
