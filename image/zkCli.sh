#!/bin/bash
# ZooKeeper's own command line client: zkCli.sh [-server HOST:PORT] [COMMAND]
set -euo pipefail

export ZOO_LOG_LEVEL=${ZOO_LOG_LEVEL:-WARN}
# shellcheck disable=SC2086
exec java "-Xmx${ZK_CLIENT_HEAP:-256}m" -Dlogback.configurationFile=/opt/zookeeper/logback.xml ${CLIENT_JVMFLAGS:-} \
    -cp "/opt/zookeeper/lib/*" org.apache.zookeeper.ZooKeeperMain "$@"
