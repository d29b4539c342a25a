#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints "NAME FILE" for each guest of guests.cfg, for meson."""

import configparser
import sys

guests = configparser.ConfigParser()
with open(sys.argv[1], encoding="utf-8") as f:
    guests.read_file(f)
for name in guests.sections():
    print(name, name + (".bin" if guests[name].get("firmware") else ".elf"))
