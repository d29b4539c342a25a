#!/bin/bash -eu
# SPDX-License-Identifier: Apache-2.0
# As OSS-Fuzz builds.
exec "$SRC/vcr/fuzz/oss-fuzz/build.sh"
