#!/bin/sh
# update.sh MINOR...: writes versions/MINOR/go.mod and go.sum for each MINOR of Kubernetes: its newest release that the
# module proxy serves, with the newest CoreDNS; and runtime/go.mod and go.sum for the newest containerd. Runs in the
# compiler's container. Prints `MODULE VERSION` for each of them.
set -eu
cd "$(dirname "$0")"
export GOTOOLCHAIN=local GOFLAGS=-mod=mod
RUNTIME=github.com/containerd/containerd/v2
NAMES=github.com/coredns/coredns

module_file() { # RELEASE OF KUBERNETES
  upstream=$(go mod download -json "k8s.io/kubernetes@$1" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
  # Kubernetes' own module file names its staging modules by path: each is taken from the release of the same number.
  staging="v0.${1#v1.}"
  printf 'module zkops.sandbox/node\n\n%s\n\nrequire (\n' "$(grep '^go ' "$upstream")"
  printf '\tk8s.io/%s\n' "kubernetes $1" "component-base $staging" "kubectl $staging"
  printf '\t%s\n' "$NAMES $(go list -m -f '{{.Version}}' $NAMES@latest)"
  printf ')\n\nreplace (\n'
  sed -n "s#^[[:space:]]*\(k8s.io/[a-z-]*\) => ./staging/.*#\t\1 => \1 $staging#p" "$upstream"
  printf ')\n'
}

served=$(go list -m -versions k8s.io/kubernetes)
for minor in "$@"; do
  release=$(printf '%s\n' $served | grep -E "^v$minor\.[0-9]+$" | sort -V | tail -n 1)
  [ -n "$release" ] || { echo "no release of Kubernetes $minor is served" >&2; exit 1; }
  work=$(mktemp -d)
  cp -r programs/. "$work"
  module_file "$release" > "$work/go.mod"
  (cd "$work" && go mod tidy >&2)
  mkdir -p "versions/$minor"
  cp "$work/go.mod" "$work/go.sum" "versions/$minor/"
  (cd "$work" && go list -m k8s.io/kubernetes $NAMES)
done
cd runtime
go get "$RUNTIME@latest" >&2
go mod tidy >&2
go list -m $RUNTIME
