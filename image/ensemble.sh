# Who belongs to the ensemble, and whether the data here may vote in it: the entry script's part on members of a roster.
# The roster is the directory $ZOO_ENSEMBLE_DIR with the files `members` (lines "NODE ID SPEC"), `servers` (the
# membership last known to whoever keeps the roster) and `founders` (ids that may begin without data, and vote).

ROSTER=${ZOO_ENSEMBLE_DIR:-/ensemble}

has_roster() {
    [ -e "$ROSTER/members" ]
}

# Print the value of `version=` in the roster: hexadecimal, 0 before there was a quorum.
known_version() {
    [ -r "$ROSTER/servers" ] || fail "$ROSTER/members is there, but $ROSTER/servers is not; run \`invoke deploy\`, which writes both"
    version=$(sed -n 's/^version=//p' "$ROSTER/servers")
    is_hex "${version:-0}" || fail "$ROSTER/servers has the version '$version'; run \`invoke deploy\`, which writes it"
    echo "${version:-0}"
}

is_hex() {
    case $1 in '' | *[!0-9a-f]*) return 1 ;; esac
}

# Print the newest version that this server was told, 0 for none. ZooKeeper keeps each in a file, once it is agreed on.
told_version() {
    newest=0
    for file in "$1"/zoo.cfg.dynamic.*; do
        version=${file##*.}
        if is_hex "$version" && [ "$((0x$version))" -gt "$((0x$newest))" ]; then newest=$version; fi
    done
    echo "$newest"
}

# Remove the memberships that are older than the one of *version*, such as one that was proposed and never agreed on.
forget_older() {
    for file in "$1"/zoo.cfg.dynamic.*; do
        [ "$file" != "$1/zoo.cfg.dynamic.$2" ] || continue
        proposed=
        case $file in *.next) proposed=$(sed -n 's/^version=//p' "$file") ;; esac
        if is_hex "$proposed" && [ "$((0x$proposed))" -gt "$((0x$2))" ]; then continue; fi
        rm -f "$file"
    done
}

# Choose the membership to start with, the newest one known here: $chosen is its file, $version its version.
# *directory* is where ZooKeeper keeps those it was told.
settle_membership() {
    [ "$(configured reconfigEnabled "$CONFIG")" = true ] ||
        fail "$ROSTER names the members, which needs reconfigEnabled=true in $CONFIG; add it, or run \`invoke deploy\`"
    version=$(told_version "$1")
    known=$(known_version)
    chosen=$1/zoo.cfg.dynamic.$version
    if [ "$((0x$known))" -gt "$((0x$version))" ]; then
        version=$known chosen=$1/zoo.cfg.dynamic.$known
        server_lines "$ROSTER/servers" >"$chosen.new"
        mv "$chosen.new" "$chosen"
    fi
    forget_older "$1" "$version"
    [ "$version" != 0 ] || chosen=$ROSTER/servers
}

server_lines() {
    sed -n '/^server[.]/p; /^group[.]/p; /^weight[.]/p' "$1"
}

# Pass a configuration on, with the chosen membership in place of what it says itself.
with_membership() {
    sed -E '/^[[:space:]]*((server|group|weight)[.]|dynamicConfigFile[[:space:]]*[=:])/d'
    echo
    if ! grep -q "^server[.]$1=" "$chosen"; then
        # Without a version, so that the first server to answer tells the true one: in that, this server has no vote
        # until it is given one. As a participant: an observer's word would not count when it is given one.
        server_lines "$chosen"
        echo "server.$1=$(own_spec)" | sed 's/:observer;/:participant;/'
    elif [ "$version" = 0 ]; then
        server_lines "$chosen"
    else
        echo "dynamicConfigFile=$chosen"
    fi
}

own_spec() {
    while read -r node _ spec; do
        [ "$node" != "$NODE_NAME" ] || echo "$spec"
    done <"$ROSTER/members"
}

# Whether there is a file of this kind (snapshot, log) below a data directory.
has_any() {
    for file in "$1/version-2/$2".*; do
        [ -e "$file" ] && return
    done
    return 1
}

# Let a member without data vote only when its ensemble is new. Else its vote could make a majority of those who know
# nothing, and an empty tree of an ensemble with data.
settle_vote() {
    # Left from a start that ended before the server read it, perhaps long ago.
    rm -f "$2/initialize"
    if has_any "$1" snapshot || has_any "$2" log; then return; fi
    if grep -qx "$3" "$ROSTER/founders" 2>/dev/null; then
        : >"$2/initialize"
        # Left from a start without a vote: the server would take them for signs of data that it lost.
        rm -f "$1/version-2/currentEpoch" "$1/version-2/acceptedEpoch"
    else
        echo "zookeeper: no data here, and this is not a new ensemble: member $3 learns everything from the leader before it votes" >&2
    fi
}

# Refuse data that is another ensemble's, or half of what was here: *data* and *log* are the two directories.
check_marks() {
    for directory in "$1" "$2"; do
        [ -e "$directory/ensemble" ] || continue
        read -r found <"$directory/ensemble" || true
        [ "$found" = "$ZOO_ENSEMBLE" ] ||
            fail "$directory belongs to a member of the ensemble $found, but one of $ZOO_ENSEMBLE is to start here; move that data away, or give this ensemble another directory (paths in cluster.yaml)"
    done
    if has_any "$1" snapshot; then
        [ ! -e "$1/ensemble" ] || [ -e "$2/ensemble" ] || has_any "$2" log ||
            fail "$1 has snapshots, but the transaction log that belongs to them is not in $2: starting without it would take acknowledged writes away. Bring the log back; if its disk is lost, move $1/version-2 away too, and this member learns everything from the leader"
    elif has_any "$2" log && [ "$(configured snapshot.trust.empty "$CONFIG")" != true ]; then
        fail "$2 has a transaction log, but the snapshots that belong to it are not in $1. Bring them back; if their disk is lost, move $2/version-2 away too, and this member learns everything from the leader"
    fi
}

# Note in both directories whose data they hold.
mark() {
    for directory in "$1" "$2"; do
        [ ! -e "$directory/ensemble" ] || continue
        echo "$ZOO_ENSEMBLE" >"$directory/ensemble.new"
        mv "$directory/ensemble.new" "$directory/ensemble"
    done
}
