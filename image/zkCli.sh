#!/bin/sh
# ZooKeeper's own command line client: zkCli.sh [-server HOST:PORT] [COMMAND]
set -eu

APP=/opt/zookeeper
export ZOO_LOG_LEVEL="${ZK_CLIENT_LOG_LEVEL:-WARN}"
# Small: beside a server it shares the container's memory limit, which the server's heap is made to fill.
# shellcheck disable=SC2086
exec "$APP/jre/bin/java" "@$APP/java.options" "-Xmx${ZK_CLIENT_HEAP:-64}m" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -XX:-UsePerfData -Djava.util.logging.config.class=zkops.Log ${CLIENT_JVMFLAGS:-} \
    -cp "$APP/zookeeper.jar${CLASSPATH:+:$CLASSPATH}" org.apache.zookeeper.ZooKeeperMain "$@"
