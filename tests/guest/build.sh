#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds one guest: build.sh SOURCE.S OUTPUT DEPFILE. An OUTPUT named *.bin is a flat firmware
# image; anything else is a multiboot kernel: assembled as ELF64, since ELF32 has no relocation
# for 64-bit addresses, and then made ELF32, since multiboot 1 knows no other.
set -eu
source=$1 output=$2 depfile=$3
here=$(dirname "$0")
as --64 --fatal-warnings -I "$here" --MD "$depfile" -o "$output.o" "$source"
sed -i "s|^[^:]*:|$output:|" "$depfile"
case $output in
*.bin)
	ld -m elf_x86_64 --no-warn-rwx-segments -n -T "$here/lib/bios.ld" -o "$output.elf64" "$output.o"
	objcopy -O binary "$output.elf64" "$output"
	;;
*)
	ld -m elf_x86_64 --no-warn-rwx-segments -n -T "$here/lib/link.ld" -o "$output.elf64" "$output.o"
	objcopy -O elf32-i386 "$output.elf64" "$output"
	;;
esac
rm -f "$output.o" "$output.elf64"
