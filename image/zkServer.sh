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
    grep -Eqs '^[[:space:]]*(serverCnxnFactory[[:space:]]*=.*Netty|sslQuorum[[:space:]]*=[[:space:]]*true)' "$CONFIG"
}

# Print the container's memory limit in MiB, nothing where there is none (control groups version 2, then 1).
memory_limit() {
    for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
        [ -r "$file" ] || continue
        read -r bytes <"$file"
        [ "$bytes" = max ] || [ "$bytes" -ge "$NO_LIMIT" ] || echo "$((bytes >> 20))"
        return
    done
}

# Print the heap in MiB: as asked for, or what is safe below the limit, as zkops/sizing.py computes it, or ZooKeeper's
# own default.
heap() {
    limit=$(memory_limit)
    reserve=56
    ! tls || reserve=128
    if [ -n "${ZK_SERVER_HEAP:-}" ]; then
        echo "$ZK_SERVER_HEAP"
    elif [ -z "$limit" ]; then
        echo 1000
    elif [ "$limit" -gt "$reserve" ] && [ "$(((limit - reserve) * 15 / 16))" -ge "$LEAST_HEAP" ]; then
        echo "$(((limit - reserve) * 15 / 16))"
    else
        fail "the memory limit of $limit MiB leaves no room for a heap beside the $reserve MiB the JVM needs itself; raise it, 256 MiB do for small data"
    fi
}

start() {
    given="${SERVER_JVMFLAGS:-} ${JVMFLAGS:-}"
    logging=-Djava.util.logging.config.class=zkops.Log
    [ ! -e "$ZOO_CONF_DIR/logging.properties" ] ||
        logging=-Djava.util.logging.config.file=$ZOO_CONF_DIR/logging.properties
    set -- "-XX:SharedArchiveFile=$APP/zookeeper.jsa"
    # Where the archive was laid out for: moving it would copy 12 MB of it.
    set -- "$@" -XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0
    # Eight bytes less for every object: a tenth of the heap of many znodes.
    set -- "$@" -XX:+UseCompactObjectHeaders
    # No files in /tmp, which may be read-only.
    set -- "$@" -XX:-UsePerfData
    # Half-dead is worse than dead: the ensemble goes on without this member, and it comes back clean.
    set -- "$@" -XX:+ExitOnOutOfMemoryError -XX:+HeapDumpOnOutOfMemoryError
    # One file: the JVM never writes over it, so that a member that fails again and again does not fill the disk.
    set -- "$@" "-XX:HeapDumpPath=$ZOO_HEAP_DUMP_DIR/zookeeper.hprof"
    case $given in
        *-Xmx* | *RAMPercentage*) ;;
        *)
            heap=$(heap)
            set -- "$@" "-Xmx${heap}m"
            ;;
    esac
    case $given in
        *-XX:+Use*GC*) ;;
        # One thread, least memory. From 2 GiB on its pauses could be longer than a tick: then the JVM chooses.
        *) [ "${heap:-0}" -ge 2048 ] || set -- "$@" -XX:+UseSerialGC ;;
    esac
    # The JVM's first compiler alone serves as many requests in 10 MiB less; ciphers need the second, in one thread each.
    if tls; then
        set -- "$@" -XX:CICompilerCount=2
    else
        set -- "$@" -XX:TieredStopAtLevel=1
    fi
    # Beside the heap: else each thread keeps a buffer of the largest request it ever read, Netty takes 4 MiB at a time,
    # and the C library an arena for every few threads. What docs/sizing.md counts on.
    export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"
    set -- "$@" -Djdk.nio.maxCachedBufferSize=65536 -Dio.netty.allocator.maxOrder=3
    # Snappy's native library and Netty's memory are meant; without these two the JVM warns at each start.
    set -- "$@" --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow "$logging"
    # There is no Jetty here; zoo.cfg may say otherwise, and then ZooKeeper would look for it.
    set -- "$@" -Dzookeeper.admin.enableServer=false
    set -- "$@" "-Dzookeeper.log.dir=$ZOO_LOG_DIR"
    set -- "$@" "-Dzkops.dataDir=${ZOO_RUN_DATA_DIR:-$ZOO_DATA_DIR}" "-Dzkops.dataLogDir=${ZOO_RUN_DATA_LOG_DIR:-$ZOO_DATA_LOG_DIR}"
    # Unquoted: flags are separated by spaces, as in zkEnv.sh. The shell becomes java, so that SIGTERM reaches it.
    # shellcheck disable=SC2086
    exec "$APP/jre/bin/java" "$@" $given -cp "$APP/zookeeper.jar${CLASSPATH:+:$CLASSPATH}" \
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$CONFIG"
}

case ${1:-} in
    start-foreground) start ;;
    status) exec probe 4lw srvr ;;
    *) echo "usage: zkServer.sh start-foreground | status" >&2 && exit 2 ;;
esac
