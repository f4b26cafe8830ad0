#!/bin/sh
# Runs inside the image: lets servers and the client do what they do in the first seconds of their lives, and prints
# the classes they load, for classes.lst (`invoke image.classes`). One of each kind: standalone, then three members that
# elect, write, lose their leader and come back.
set -eu

work=/tmp/train
log=$work/log
patience=60

fail() {
    echo "train: $*" >&2
    tail -n 20 "$log"* >&2
    exit 1
}

# Wait until a command succeeds.
until_() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt "$((patience * 5))" ] || fail "never came: $*"
        sleep 0.2
    done
}

# server NAME DIRECTORY: starts one, its classes go to $work/NAME.classes.
server() {
    ZOO_CONF_DIR=$2 ZOO_DATA_DIR=$2/data NODE_NAME='' \
        SERVER_JVMFLAGS="-Xshare:off -Xmx96m -XX:DumpLoadedClassList=$work/$1.classes" \
        entrypoint zkServer.sh start-foreground >"$log.$1" 2>&1 &
    echo $! >"$2/pid"
}

# Ends the server of a directory the JVM's way, which completes the list, and returns when it has ended.
stop() {
    kill -HUP "$(cat "$1/pid")"
    wait "$(cat "$1/pid")" || true
}

ask() {
    printf %s "$2" | nc -w 3 127.0.0.1 "$1"
}

serves() {
    ask "$1" srvr | grep -q 'Mode: [slfo]'
}

leads() {
    ask "$1" srvr | grep -q 'Mode: leader'
}

look() {
    for word in ruok srvr mntr; do
        ask "$1" "$word" >/dev/null
    done
    for path in /livez /readyz /metrics '/metrics?set=all'; do
        printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$path" | nc -w 3 127.0.0.1 "$2" >/dev/null
    done
}

client() {
    port=$1 name=$2
    shift 2
    CLIENT_JVMFLAGS="-Xshare:off -XX:DumpLoadedClassList=$work/$name.classes" zkCli.sh -server "127.0.0.1:$port" "$@" \
        >>"$log.client" 2>&1 || fail "the client could not: $*"
}

config() {
    mkdir -p "$1"
    printf '%s\n' "dataDir=$1/data" tickTime=500 initLimit=20 syncLimit=8 4lw.commands.whitelist=srvr,mntr,ruok \
        autopurge.purgeInterval=1 "metricsProvider.httpPort=$2" >"$1/zoo.cfg"
}

alone() {
    config "$work/alone" 7100
    echo clientPort=2100 >>"$work/alone/zoo.cfg"
    server alone "$work/alone"
    until_ serves 2100
    look 2100 7100
    client 2100 client-1 create /a b
    client 2100 client-2 get /a
    stop "$work/alone"
}

three() {
    for id in 1 2 3; do
        config "$work/m$id" "710$id"
        printf '%s\n' reconfigEnabled=true standaloneEnabled=false >>"$work/m$id/zoo.cfg"
        for other in 1 2 3; do
            echo "server.$other=127.0.0.1:220$other:230$other:participant;127.0.0.1:210$other" >>"$work/m$id/zoo.cfg"
        done
        ZOO_MY_ID=$id server "member-$id" "$work/m$id"
    done
    for id in 1 2 3; do until_ serves "210$id"; done
    client 2101 client-3 create /a b
    for id in 1 2 3; do look "210$id" "710$id"; done
    for id in 1 2 3; do
        leads "210$id" || continue
        stop "$work/m$id"
        break
    done
    for other in 1 2 3; do [ "$other" = "$id" ] || until_ serves "210$other"; done
    # It comes back with data on its disk.
    ZOO_MY_ID=$id server "again-$id" "$work/m$id"
    until_ serves "210$id"
    look "210$id" "710$id"
    for other in 1 2 3; do stop "$work/m$other"; done
}

# Ids and addresses differ with every run; names alone say what to load.
names() {
    cat "$work"/*.classes | sed -e '/^#/d' -e '/^@cp/d' -e 's/ id: [0-9]*.*$//' | sort -u
}

mkdir -p "$work"
alone
three
names
