#!/bin/sh
# update.sh MINOR...: writes versions/MINOR/go.mod and go.sum for each MINOR of Kubernetes: its newest release that the
# module proxy serves, with the newest CoreDNS for it; and runtime/go.mod and go.sum for the newest containerd. Runs
# in the compiler's container. Prints `MODULE VERSION` for each of them.
set -eu
cd "$(dirname "$0")"
export GOTOOLCHAIN=local GOFLAGS=-mod=mod
RUNTIME=github.com/containerd/containerd/v2
NAMES=github.com/coredns/coredns

upstream() { # MODULE@VERSION: prints the path of its go.mod
  go list -m -f '{{.GoMod}}' "$1"
}

# Prints the newest CoreDNS that requires no newer client-go: it calls functions that older ones lack. A proxy may not
# list every version; if it lists none that fits, the present one stays.
names_for() { # MINOR
  for names in $(go list -m -versions $NAMES | tr ' ' '\n' | grep -E '^v[0-9.]+$' | sort -rV); do
    own=$(upstream "$NAMES@$names")
    client=$(sed -n 's#^\tk8s.io/client-go v0\.\([0-9]*\)\..*#\1#p' "$own")
    if [ "$client" -le "${1#1.}" ]; then
      echo "$names"
      return
    fi
  done
  sed -n "s#^\t$NAMES ##p" "versions/$1/go.mod"
}

module_file() { # MINOR RELEASE
  own=$(upstream "k8s.io/kubernetes@$2")
  # Kubernetes' own module file names its staging modules by path: each is taken from the release of the same number.
  staging="v0.${2#v1.}"
  printf 'module zkops.sandbox/node\n\n%s\n\nrequire (\n' "$(grep '^go ' "$own")"
  printf '\tk8s.io/%s\n' "kubernetes $2" "component-base $staging" "kubectl $staging"
  names=$(names_for "$1")
  printf '\t%s\n' "$NAMES $names"
  printf ')\n\nreplace (\n'
  sed -n "s#^[[:space:]]*\(k8s.io/[a-z-]*\) => ./staging/.*#\t\1 => \1 $staging#p" "$own"
  printf ')\n'
}

served=$(go list -m -versions k8s.io/kubernetes)
for minor in "$@"; do
  release=$(printf '%s\n' $served | grep -E "^v$minor\.[0-9]+$" | sort -V | tail -n 1)
  [ -n "$release" ] || { echo "no release of Kubernetes $minor is served" >&2; exit 1; }
  work=$(mktemp -d)
  cp -r programs/. "$work"
  module_file "$minor" "$release" > "$work/go.mod"
  (cd "$work" && go mod tidy >&2)
  mkdir -p "versions/$minor"
  cp "$work/go.mod" "$work/go.sum" "versions/$minor/"
  (cd "$work" && go list -m k8s.io/kubernetes $NAMES)
done
cd runtime
go get "$RUNTIME@latest" >&2
go mod tidy >&2
go list -m $RUNTIME
