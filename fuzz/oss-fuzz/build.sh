#!/bin/bash -eu
# SPDX-License-Identifier: Apache-2.0
#
# Builds all fuzz targets for OSS-Fuzz and ClusterFuzzLite, whose environment it expects: CC, CXX,
# CFLAGS, CXXFLAGS (which bring sanitizer and coverage), LIB_FUZZING_ENGINE, SANITIZER, OUT, WORK
# and SRC. Leaves NAME, NAME_seed_corpus.zip, NAME.dict and NAME.options in OUT.
#
# usage: build.sh [NAME...]
#   NAME  a target, as in fuzz_NAME; without any, all of them

top=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
# Where OSS-Fuzz copies this file out of the tree, the tree is beside it.
[ -e "$top/fuzz/oss-fuzz/build.sh" ] || top=$SRC/vcr
build=$WORK/vcr

# Targets that cannot be there, one in a line, and why.
left_out() {
	# The host's own processor, by a program of ours beside the target; accelerators that are
	# not there.
	printf '%s\n' interpreter mmio
	if [ "$SANITIZER" = memory ]; then
		# MemorySanitizer needs all code to be instrumented. These use zstd, xxhash and
		# capstone as the system has them, or code that was generated.
		printf '%s\n' decoder trace_reader translator
	fi
}

reconfigure=()
if [ -e "$build/build.ninja" ]; then
	reconfigure=(--reconfigure)
fi
# Libraries are linked statically: what runs the targets has none of them.
meson setup "$build" "$top" "${reconfigure[@]}" -Dfuzz=enabled -Dfuzz_engine="$LIB_FUZZING_ENGINE" \
	-Dprefer_static=true -Dwerror=false -Dwhpx=disabled -Dkvm=disabled
mapfile -t names < <(ninja -C "$build" -t targets all |
	sed -n 's,^fuzz/fuzz_\([a-z0-9_]*\): .*,\1,p' | sort | grep -vxF "$(left_out)")
if [ $# != 0 ]; then
	names=("$@")
fi
ninja -C "$build" "${names[@]/#/fuzz/fuzz_}"

for name in "${names[@]}"; do
	cp "$build/fuzz/fuzz_$name" "$OUT/fuzz_$name"
	cp "$top/fuzz/oss-fuzz/libfuzzer.options" "$OUT/fuzz_$name.options"
	if [ -e "$top/corpora/dictionaries/$name.dict" ]; then
		cp "$top/corpora/dictionaries/$name.dict" "$OUT/fuzz_$name.dict"
	fi
	# Seeds, and what was once found: a file each, under a name of its own.
	rm -f "$OUT/fuzz_${name}_seed_corpus.zip"
	for folder in seeds crashes; do
		if [ -d "$top/corpora/$folder/$name" ]; then
			(cd "$top/corpora/$folder" &&
				find "$name" -type f | LC_ALL=C sort |
				zip -q -X "$OUT/fuzz_${name}_seed_corpus.zip" -@)
		fi
	done
done
