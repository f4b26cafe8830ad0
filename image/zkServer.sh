#!/bin/sh
#   zkServer.sh start-foreground   become the server
#   zkServer.sh status             what the server here says of itself
# Reads the variables of ZooKeeper's own zkEnv.sh: JVMFLAGS, SERVER_JVMFLAGS, ZK_SERVER_HEAP (MB), CLASSPATH.
set -eu

APP=/opt/zookeeper
CONFIG=${ZOO_RUN_CONFIG:-$ZOO_CONF_DIR/zoo.cfg}
NO_LIMIT=$((1 << 50))
LEAST_HEAP=32

# 78 is EX_CONFIG of sysexits.h.
fail() {
    echo "zookeeper: $*" >&2
    exit 78
}

# Whether Netty serves the clients, or the members speak TLS: both need memory beside the heap.
tls() {
    case $given in *serverCnxnFactory=*Netty* | *sslQuorum=true*) return 0 ;; esac
    grep -Eiqs '^[[:space:]]*(serverCnxnFactory[[:space:]]*[=:].*Netty|sslQuorum[[:space:]]*[=:][[:space:]]*true)' "$CONFIG"
}

# Print the container's memory limit in MiB, nothing where there is none (control groups version 2, then 1).
memory_limit() {
    # With the host's control groups in view, version 2 has the limit below the path of our own.
    own=$(sed -n 's/^0:://p' /proc/self/cgroup 2>/dev/null)
    for file in "/sys/fs/cgroup${own%/}/memory.max" /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
        [ -r "$file" ] || continue
        read -r bytes <"$file"
        [ "$bytes" = max ] || [ "$bytes" -ge "$NO_LIMIT" ] || echo "$((bytes >> 20))"
        return
    done
}

# Print the heap in MiB: as asked for, or what is safe below the limit, as zkops/zoocfg/sizing.py computes it, or
# ZooKeeper's own default.
heap() {
    limit=$(memory_limit)
    reserve=72
    ! tls || reserve=128
    if [ -n "${ZK_SERVER_HEAP:-}" ]; then
        case $ZK_SERVER_HEAP in *[!0-9]*) fail "ZK_SERVER_HEAP is $ZK_SERVER_HEAP; write the heap in MB, such as 1024" ;; esac
        echo "$ZK_SERVER_HEAP"
    elif [ -z "$limit" ]; then
        echo 1000
    elif [ "$limit" -gt "$reserve" ] && [ "$(((limit - reserve) * 15 / 16))" -ge "$LEAST_HEAP" ]; then
        echo "$(((limit - reserve) * 15 / 16))"
    else
        fail "the memory limit of $limit MiB leaves no room for a heap beside the $reserve MiB the JVM needs itself; raise it, 256 MiB do for small data"
    fi
}

# Print the heap in MiB that flags name, 2048 where it is a share of memory.
given_heap() {
    case $1 in
        *-Xmx*) printf '%s\n' "$1" | sed -E 's/.*-Xmx([0-9]+)([a-zA-Z]?).*/\1 \2/' | {
            read -r number unit
            case $unit in
                [gG]) echo "$((number << 10))" ;;
                [mM]) echo "$number" ;;
                [kK]) echo "$((number >> 10))" ;;
                *) echo "$((number >> 20))" ;;
            esac
        } ;;
        *) echo 2048 ;;
    esac
}

start() {
    given="${SERVER_JVMFLAGS:-} ${JVMFLAGS:-}"
    logging=-Djava.util.logging.config.class=zkops.Log
    [ ! -e "$ZOO_CONF_DIR/logging.properties" ] ||
        logging=-Djava.util.logging.config.file=$ZOO_CONF_DIR/logging.properties
    # The archive stays where it was laid out for: moving it would copy 12 MB of it.
    set -- "@$APP/java.options" -XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0
    # No files in /tmp, which may be read-only.
    set -- "$@" -XX:-UsePerfData
    # Half-dead is worse than dead: the ensemble goes on without this member, and it comes back clean.
    set -- "$@" -XX:+ExitOnOutOfMemoryError -XX:+HeapDumpOnOutOfMemoryError
    # One file: the JVM never writes over it, so that a member that fails again and again does not fill the disk.
    set -- "$@" "-XX:HeapDumpPath=$ZOO_HEAP_DUMP_DIR/zookeeper.hprof"
    case $given in
        *-Xmx* | *RAMPercentage*) heap=$(given_heap "$given") ;;
        *)
            heap=$(heap)
            set -- "$@" "-Xmx${heap}m"
            ;;
    esac
    case $given in
        *-XX:+Use*GC*) ;;
        # One thread, least memory. From 2 GiB on its pauses could be longer than a tick: then the JVM chooses.
        *) [ "$heap" -ge 2048 ] || set -- "$@" -XX:+UseSerialGC ;;
    esac
    # One thread for each of the two compilers. (Without the second it is 4 MiB less, and a fifth fewer requests.)
    set -- "$@" -XX:CICompilerCount=2
    # Beside the heap: else each thread keeps a buffer of the largest request it ever read, Netty takes 4 MiB at a time,
    # and the C library an arena for every few threads. What docs/plan/sizing.md counts on.
    export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"
    set -- "$@" -Djdk.nio.maxCachedBufferSize=65536 -Dio.netty.allocator.maxOrder=3
    # Netty's memory is meant; without this the JVM warns at each start.
    set -- "$@" --sun-misc-unsafe-memory-access=allow "$logging"
    # There is no Jetty here; zoo.cfg may say otherwise, and then ZooKeeper would look for it.
    set -- "$@" -Dzookeeper.admin.enableServer=false
    set -- "$@" "-Dzookeeper.log.dir=$ZOO_LOG_DIR"
    set -- "$@" "-Dzkops.dataDir=${ZOO_RUN_DATA_DIR:-$ZOO_DATA_DIR}" "-Dzkops.dataLogDir=${ZOO_RUN_DATA_LOG_DIR:-$ZOO_DATA_LOG_DIR}"
    # Unquoted: flags are separated by spaces, as in zkEnv.sh. The shell becomes java, so that SIGTERM reaches it.
    # shellcheck disable=SC2086
    exec "$APP/jre/bin/java" "$@" $given -cp "$APP/zookeeper.jar${CLASSPATH:+:$CLASSPATH}" \
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$CONFIG"
}

status() {
    probe 4lw srvr 2>/dev/null || exec probe ready
}

case $#:${1:-} in
    1:start-foreground) start ;;
    1:status) status ;;
    *) echo "usage: zkServer.sh start-foreground | status (the configuration is zoo.cfg in \$ZOO_CONF_DIR)" >&2 && exit 2 ;;
esac
