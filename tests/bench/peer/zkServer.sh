#!/bin/bash
# The two commands of ZooKeeper's own zkServer.sh that a container uses, with the same java commands and the same
# helpers run on the way, after ZooKeeper's bin/zkServer.sh (Apache License 2.0).
#   zkServer.sh start-foreground | status
ZOOBIN=${BASH_SOURCE-$0}
ZOOBIN=$(dirname "$ZOOBIN")
ZOOBINDIR=$(cd "$ZOOBIN" && pwd)
. "$ZOOBINDIR/zkEnv.sh"

echo "ZooKeeper JMX enabled by default" >&2
ZOOMAIN="-Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.local.only=${JMXLOCALONLY:-false}"
ZOOMAIN+=" org.apache.zookeeper.server.quorum.QuorumPeerMain"
JVMFLAGS="$SERVER_JVMFLAGS $JVMFLAGS"
echo "Using config: $ZOOCFG" >&2

# Print the value of a key of zoo.cfg, with upstream's grep and sed.
configured() {
    grep "^[[:space:]]*$1" "$ZOOCFG" | sed -e 's/.*=//'
}

ZOO_DATADIR=$(configured dataDir)
ZOO_DATADIR=$(echo -e "$ZOO_DATADIR" | sed -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//')
ZOO_DATALOGDIR=$(configured dataLogDir)
ZOO_LOG_FILE=zookeeper-$USER-server-$HOSTNAME.log

status() {
    local host port
    configured 'clientPortAddress[^[:alpha:]]' >/dev/null
    port=$(configured 'clientPort[^[:alpha:]]')
    host=localhost
    if [[ ! $port =~ ^[0-9]+$ ]]; then
        myid=$(cat "$ZOO_DATADIR/myid")
        port=$(configured "server.$myid=.*;.*" | sed -e 's/.*;//')
        if [[ ! $port ]]; then
            dynamic=$(configured dynamicConfigFile)
            port=$(grep "^[[:space:]]*server.$myid=.*;.*" "$dynamic" | sed -e 's/.*=//' | sed -e 's/.*;//')
        fi
        [[ ! $port =~ ^.*:[0-9]+ ]] || host=$(echo "$port" | sed -e 's/:.*//')
        port=$(echo "$port" | sed -e 's/.*://')
    fi
    echo "Client port found: $port. Client address: $host. Client SSL: false."
    # shellcheck disable=SC2086
    STAT=$("$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.log.file=$ZOO_LOG_FILE" \
        -cp "$CLASSPATH" $CLIENT_JVMFLAGS $JVMFLAGS org.apache.zookeeper.client.FourLetterWordMain \
        "$host" "$port" srvr false 2>/dev/null | grep Mode)
    if [[ ! $STAT ]]; then
        echo "Error contacting service. It is probably not running."
        exit 1
    fi
    echo "$STAT"
}

case $1 in
    start-foreground)
        # shellcheck disable=SC2086
        exec "$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.log.file=$ZOO_LOG_FILE" \
            -XX:+HeapDumpOnOutOfMemoryError -XX:OnOutOfMemoryError='kill -9 %p' \
            -cp "$CLASSPATH" $JVMFLAGS $ZOOMAIN "$ZOOCFG"
        ;;
    status) status ;;
    *) echo "Usage: $0 {start-foreground|status}" >&2 && exit 2 ;;
esac
