#!/bin/bash
#   zkServer.sh start-foreground   become the server
#   zkServer.sh status             what the server here says of itself
# Reads the variables of ZooKeeper's own zkEnv.sh: JVMFLAGS, SERVER_JVMFLAGS, ZK_SERVER_HEAP (MB).
set -euo pipefail

start() {
    local logback=/opt/zookeeper/logback.xml
    local given="${SERVER_JVMFLAGS:-} ${JVMFLAGS:-}"
    local flags=(
        # Half-dead is worse than dead: the ensemble goes on without this member, and it comes back clean.
        -XX:+ExitOnOutOfMemoryError
        # No files in /tmp, which may be read-only.
        -XX:-UsePerfData
        # Snappy's native library is loaded on purpose; without this the JVM warns at each start.
        --enable-native-access=ALL-UNNAMED
        # There is no Jetty here; zoo.cfg may say otherwise, and then ZooKeeper warns.
        -Dzookeeper.admin.enableServer=false
        "-Dzookeeper.log.dir=$ZOO_LOG_DIR"
    )
    [[ ! -e $ZOO_CONF_DIR/logback.xml ]] || logback=$ZOO_CONF_DIR/logback.xml
    [[ $given == *-Xmx* || $given == *RAMPercentage* ]] || flags+=("-Xmx${ZK_SERVER_HEAP:-1000}m")
    # Unquoted: flags are separated by spaces, as in zkEnv.sh. PID 1 becomes java, so that SIGTERM reaches it.
    # shellcheck disable=SC2086
    exec java "${flags[@]}" "-Dlogback.configurationFile=$logback" $given \
        -cp "$ZOO_CONF_DIR:/opt/zookeeper/lib/*" org.apache.zookeeper.server.quorum.QuorumPeerMain "$ZOO_CONF_DIR/zoo.cfg"
}

case ${1:-} in
    start-foreground) start ;;
    status) exec probe 4lw srvr ;;
    *) echo "usage: zkServer.sh start-foreground | status" >&2 && exit 2 ;;
esac
