#!/bin/sh
# ZooKeeper's own command line client: zkCli.sh [-server HOST:PORT] [COMMAND]
set -eu

APP=/opt/zookeeper
export ZOO_LOG_LEVEL="${ZK_CLIENT_LOG_LEVEL:-WARN}"
# shellcheck disable=SC2086
exec "$APP/jre/bin/java" "-Xmx${ZK_CLIENT_HEAP:-256}m" "-XX:SharedArchiveFile=$APP/zookeeper.jsa" -XX:+UseSerialGC -XX:+UseCompactObjectHeaders \
    -XX:-UsePerfData --enable-native-access=ALL-UNNAMED -Djava.util.logging.config.class=zkops.Log ${CLIENT_JVMFLAGS:-} \
    -cp "$APP/zookeeper.jar${CLASSPATH:+:$CLASSPATH}" org.apache.zookeeper.ZooKeeperMain "$@"
