#!/bin/bash
# Exact Debian packages, as packages.lock names them.
#   packages.sh fetch LOCK ROOT   download, check and unpack them under ROOT
#   packages.sh lock LOCK         print a new lock: the same packages, the versions the archive has today
# The archive is the one the base image itself uses; a suite other than its own is looked for in the same place.
set -euo pipefail

ARCHITECTURES="amd64 arm64"
CODENAME=$(. /etc/os-release && echo "$VERSION_CODENAME")
OWN=$(dpkg --print-architecture)

fail() {
    echo "packages: $*" >&2
    exit 1
}

# The lines of LOCK without comments: suite package version architecture sha256 [build].
lines() {
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1"
}

# Those for the machine that builds.
own() {
    lines "$1" | awk -v own="$OWN" '$4 == "all" || $4 == own'
}

# Read the indexes of the base image's archive, then of every other suite that LOCK names, from the same place.
update() {
    local suite uri signed_by
    apt-get --quiet=2 update || fail "the base image's package archive cannot be read; check the network and its apt sources"
    IFS='|' read -r uri signed_by < <(apt-get indextargets --format '$(REPO_URI)|$(SIGNED_BY)|$(CODENAME)' \
        'Created-By: Packages' | sed -n "s/|$CODENAME\$//p") || fail "the base image's apt sources have no suite $CODENAME"
    # Without a value apt prints the name of the field.
    [[ $signed_by == /* ]] || signed_by=
    for suite in $(lines "$1" | cut -d' ' -f1 | sort -u); do
        [[ $suite != "$CODENAME" ]] || continue
        # A mirror's Release file of a moving suite is often past its date; versions and hashes are pinned anyway.
        echo "deb [check-valid-until=no${signed_by:+ signed-by=$signed_by}] $uri $suite main" \
            >"/etc/apt/sources.list.d/$suite.list"
        apt-get --quiet=2 update || fail "the archive of the base image has no suite $suite"
    done
}

fetch() {
    local lock=$1 root=$2 suite package version architecture sha256 use wanted=()
    update "$lock"
    mkdir -p "$root/var/lib/dpkg/status.d" "$root/var/lib/dpkg/info" /tmp/packages && cd /tmp/packages
    while read -r suite package version architecture sha256 use; do
        offered "$package" "$version" ||
            fail "$package $version is gone from the archive; refresh image/packages.lock (invoke image.lock)"
        wanted+=("$package=$version")
    done < <(own "$lock")
    [[ ${#wanted[@]} -gt 0 ]] || fail "the lock names no package for $OWN; add $OWN to packages.sh and refresh the lock"
    apt-get --quiet=2 -o APT::Sandbox::User=root download "${wanted[@]}" || fail "a package could not be downloaded; try again"
    while read -r suite package version architecture sha256 use; do
        check "$package" "$version" "$sha256"
        dpkg --extract "$package"_*.deb "$root"
        # The bill of materials tells by it which package a file came with.
        dpkg --fsys-tarfile "$package"_*.deb | tar --list | sed 's,^\.,,' >"$root/var/lib/dpkg/info/$package.list"
        # Scanners read there what an image without a package manager is made of.
        [[ $use == build ]] || dpkg --field "$package"_*.deb >"$root/var/lib/dpkg/status.d/$package"
        echo "packages: $package $version"
    done < <(own "$lock")
}

# Whether the archive has a version. What the base image has installed is no sign of it: apt shows that one, too.
offered() {
    apt-cache madison "$1" | awk -F' *[|] *' -v version="$2" '$2 == version {found = 1} END {exit !found}'
}

check() {
    local found
    found=$(cat "$1"_*.deb | sha256sum | cut -d' ' -f1)
    [[ $found == "$3" ]] ||
        fail "$1 $2 is not the file the lock means: its sha256 is $found, image/packages.lock says $3; do not use it"
}

lock() {
    local architecture suite package use
    for architecture in $ARCHITECTURES; do dpkg --add-architecture "$architecture"; done
    update "$1" >&2
    sed -n '/^#/p' "$1"
    while read -r suite package use; do
        for architecture in $ARCHITECTURES; do
            newest "$suite" "$package" "$architecture" "$use"
        done | sort -u
    done < <(lines "$1" | cut -d' ' -f1,2,6 | uniq)
}

# Print the lock's line for the newest version of a package in a suite and its updates, never from another suite.
newest() {
    local suite=$1 name=$2:$3 version
    # Packages for all architectures are known by their plain name only.
    [[ $(apt-cache madison "$name") ]] || name=$2
    version=$(apt-cache madison "$name" |
        awk -F' *[|] *' -v suite="$suite" '!v && $3 ~ " " suite "(-security|-updates)?/" {v = $2} END {print v}')
    [[ $version ]] || fail "$suite has no package $2 for $3"
    echo "$suite $2 $version $(apt-cache show "$name=$version" | fields)${4:+ $4}"
}

fields() {
    awk '/^Architecture:/ && !a {a = $2} /^SHA256:/ && !s {s = $2} END {print a, s}'
}

case ${1:-} in
    fetch) fetch "$2" "$3" ;;
    lock) lock "$2" ;;
    *) fail "usage: packages.sh fetch LOCK ROOT, or packages.sh lock LOCK" ;;
esac
