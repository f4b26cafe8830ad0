#!/bin/sh
# compile.sh MINOR OUT: compiles the programs of a node with Kubernetes MINOR into OUT, from the modules beside this
# file. Runs in the compiler's container; what is in GOMODCACHE and GOCACHE already is not done again.
# Prints `stage: download` at first, the packages as they are compiled, and `cpu: SECONDS` at the end.
set -eu
minor=$1 out=$2
cd "$(dirname "$0")"
# The compiler collects garbage only above a limit, writes nothing for debuggers, and inlines in the standard library
# only. Measured on some of the larger packages, that saves a third of the processor time. With two processors at most
# 1.6 GiB of memory were in use at once.
export CGO_ENABLED=0 GOTOOLCHAIN=local GOGC=off GOMEMLIMIT=1GiB

compile() { # ARGUMENTS...
  go build -buildvcs=false "-gcflags=all=-dwarf=false -l" -gcflags=std=-dwarf=false "$@"
}

# Compiled packages are found again by the place of their sources. In the module cache that names the version, so that a
# patch release would compile all of Kubernetes again; copied to one place, only what differs.
vendored() { # FOLDER ARGUMENTS...
  cd "$1"
  shift
  compile -v -mod=vendor "$@"
}

# The version's module file lies apart from the programs, which are the same for all of them.
mkdir -p "$out"
cp "versions/$minor/go.mod" "versions/$minor/go.sum" programs/
release=$(sed -n 's#^\tk8s.io/kubernetes v#v#p' programs/go.mod)
version=k8s.io/component-base/version
flags="-s -w -X $version.gitVersion=$release -X $version.gitMajor=1 -X $version.gitMinor=${minor#1.}"

echo "stage: download"
(cd runtime && go mod vendor) &
runtime=$!
(cd programs && go mod vendor) &
programs=$!
compile std # both need it, and downloading leaves the processors free
wait "$runtime"
wait "$programs"

# Side by side: while one links its programs, the other has a processor for its packages. containerd has modules of its
# own, as it needs others of Kubernetes' than Kubernetes itself; CoreDNS shares most of its packages with Kubernetes.
(vendored runtime -ldflags "-s -w" -tags no_btrfs,no_zfs,no_aufs,no_devmapper -o "$out/" \
  github.com/containerd/containerd/v2/cmd/containerd \
  github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2 \
  github.com/containerd/containerd/v2/cmd/ctr) &
runtime=$!
(vendored programs -ldflags "$flags" -o "$out/" . ./coredns ./pause)
mv "$out/node" "$out/kubernetes"
wait "$runtime"
times > /tmp/times # not in a pipe: each part of one is a shell of its own, with times of its own
awk 'NR == 2 { gsub(/[ms]/, " "); print "cpu: " int($1 * 60 + $2 + $3 * 60 + $4) }' /tmp/times
