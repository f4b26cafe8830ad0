#!/bin/sh
# compile.sh MINOR OUT: compiles the programs of a node with Kubernetes MINOR into OUT, from the modules beside this
# file. Runs in the compiler's container; what is in GOMODCACHE and GOCACHE already is not done again.
# Prints `stage: download` at first, the packages as they are compiled, and `cpu: SECONDS` at the end.
set -eu
minor=$1 out=$2
cd "$(dirname "$0")"
# The compiler collects its garbage less often than it would by itself: that saves a tenth of the time.
export CGO_ENABLED=0 GOTOOLCHAIN=local GOGC=400

# The version's module file lies apart from the programs, which are the same for all of them.
cp "versions/$minor/go.mod" "versions/$minor/go.sum" programs/
cd programs
release=$(sed -n 's#^\tk8s.io/kubernetes v#v#p' go.mod)
version=k8s.io/component-base/version
flags="-s -w -X $version.gitVersion=$release -X $version.gitMajor=1 -X $version.gitMinor=${minor#1.}"

echo "stage: download"
# Compiled packages are found again by the place of their sources. In the module cache that names the version, so that a
# patch release would compile all of Kubernetes again; copied to one place, only what differs.
go mod vendor
mkdir -p "$out"
go build -v -mod=vendor -buildvcs=false -gcflags=all=-dwarf=false -ldflags "$flags" \
  -tags no_btrfs,no_zfs,no_aufs,no_devmapper -o "$out/" . ./coredns ./pause \
  github.com/containerd/containerd/v2/cmd/containerd \
  github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2 \
  github.com/containerd/containerd/v2/cmd/ctr
mv "$out/node" "$out/kubernetes"
times | awk 'NR == 2 { gsub(/[ms]/, " "); print "cpu: " int($1 * 60 + $2 + $3 * 60 + $4) }'
