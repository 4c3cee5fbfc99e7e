#!/bin/sh
# deps.sh PKGCONFIG-NAMES HEADERS COMMANDS DEBIAN-PACKAGES
# Silent when everything is there. Else installs the Debian packages where apt-get is, or names them.
set -u
missing=
command -v "${CC%% *}" >/dev/null 2>&1 || missing="$missing a C compiler,"
if command -v "$PKG_CONFIG" >/dev/null 2>&1; then
    for p in $1; do "$PKG_CONFIG" --exists "$p" 2>/dev/null || missing="$missing $p,"; done
else
    missing="$missing pkg-config,"
fi
case "$missing" in
*compiler*) ;;
*) for h in $2; do
       printf '#include <stdio.h>\n#include <%s>\n' "$h" | $CC -E - >/dev/null 2>&1 || missing="$missing $h,"
   done ;;
esac
for c in $3; do command -v "$c" >/dev/null 2>&1 || missing="$missing $c,"; done
[ -n "$missing" ] || exit 0
echo "missing:${missing%,}"
if command -v apt-get >/dev/null 2>&1; then
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo=sudo
        command -v sudo >/dev/null 2>&1 || { echo "as root: apt-get install -y --no-install-recommends $4"; exit 1; }
    fi
    echo "+ $sudo apt-get install -y --no-install-recommends $4"
    # shellcheck disable=SC2086 # a list of words
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $4 >/dev/null ||
        { echo "apt-get failed; after 'apt-get update' try again"; exit 1; }
else
    echo "install the packages that hold them; on Debian they are: $4"
    exit 1
fi
