#!/bin/sh
# Check Apache's own release of ZooKeeper and unpack it: nothing of it is used before its hash and its signature are right.
# Runs in the root of the locked packages.
#   apache.sh ARCHIVE KEYS DIRECTORY   ARCHIVE: …/apache-zookeeper-VERSION-bin.tar.gz, with its .sha512 and .asc beside it
set -eu

archive=$1
keys=$2
directory=$3
name=$(basename "$archive")
version=${name#apache-zookeeper-}
version=${version%-bin.tar.gz}

# zkops/images/apache_release.py makes an error for people of these two lines.
refuse() {
    printf 'refused: %s\nmend: %s\n' "$1" "$2"
    exit 1
}

cd "$(dirname "$archive")"
sha512sum -c "$name.sha512" >/dev/null 2>&1 ||
    refuse "$name is not the file that $name.sha512 means" "do not use it; take the release from another place"
said=$(sqv --keyring "$keys" "$name.asc" "$name" 2>&1) ||
    refuse "$name.asc is no good signature of $name by a key in image/KEYS: $(echo "$said" | head -n 1)" \
        "do not use it; where the release is newer than image/KEYS, see docs/internals/supply-chain.md for adding a key"
mkdir -p "$directory"
tar -xzf "$name" -C "$directory"
[ -e "$directory/apache-zookeeper-$version-bin/lib/zookeeper-$version.jar" ] ||
    refuse "the archive is signed, but it is not of ZooKeeper $version: it has no lib/zookeeper-$version.jar" \
        "name the -bin archive of just the release that image.apache.version says"
echo "apache: $name is signed by $said"
