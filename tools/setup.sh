# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by demo, check and debian-guest: finds the source tree, installs from Debian what is
# missing (after saying what), and configures and compiles.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Debian's own interpreters first: kconfiglib and meson belong to them.
PATH=/usr/bin:/bin:$PATH

PACKAGES_BUILD=(
	meson ninja-build gcc libc6-dev binutils pkg-config python3 python3-kconfiglib
	libzstd-dev libxxhash-dev libcapstone-dev libcmocka-dev
)
PACKAGES_CHECK=(
	clang libclang-rt-14-dev clang-tidy cppcheck libxml2-utils llvm-14 g++ zip afl++
)
PACKAGES_WINDOWS=(gcc-mingw-w64-x86-64 wine wine64 cmake dpkg-dev)
PACKAGES_GUEST=(cpio gzip)

die() {
	echo "${0##*/}: $*" >&2
	exit 4
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "need root for: $* (install sudo, or run this as root)"
	fi
}

# packages_install NAME...: what is not there yet.
packages_install() {
	local missing=() package
	for package; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
			missing+=("$package")
	done
	[ ${#missing[@]} = 0 ] && return
	command -v apt-get >/dev/null ||
		die "these Debian packages are missing, and there is no apt-get: ${missing[*]}"
	echo "Installing from Debian: ${missing[*]}"
	as_root apt-get -qq update || echo "apt-get update failed; trying with what is known" >&2
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null ||
		die "apt-get could not install: ${missing[*]}"
}

# build_vcr: the command in build/, silent unless it fails.
build_vcr() {
	local log=$TOP/build/setup.log
	mkdir -p "$TOP/build"
	if [ ! -e "$TOP/build/build.ninja" ]; then
		meson setup "$TOP/build" "$TOP" >"$log" 2>&1 ||
			{ tail -n 20 "$log" >&2; die "meson setup failed"; }
	fi
	ninja -C "$TOP/build" tools/vcr "$@" >"$log" 2>&1 ||
		{ tail -n 40 "$log" >&2; die "the build failed: ninja -C $TOP/build"; }
}
