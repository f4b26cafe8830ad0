#!/bin/bash
# What ZooKeeper's own zkEnv.sh settles, in short: the configuration, java, the class path, the heap.
ZOOCFGDIR=${ZOOCFGDIR:-$ZOOBINDIR/../conf}
ZOOCFG=$ZOOCFGDIR/zoo.cfg
ZOO_LOG_DIR=${ZOO_LOG_DIR:-$ZOOBINDIR/../logs}
JAVA=java

CLASSPATH=$ZOOCFGDIR:$CLASSPATH
for jar in "$ZOOBINDIR"/../lib/*.jar; do
    CLASSPATH=$jar:$CLASSPATH
done
case "$(uname)" in
    CYGWIN* | MINGW*) cygwin=true ;;
    *) cygwin=false ;;
esac

export SERVER_JVMFLAGS="-Xmx${ZK_SERVER_HEAP:-1000}m $SERVER_JVMFLAGS"
export CLIENT_JVMFLAGS="-Xmx${ZK_CLIENT_HEAP:-256}m $CLIENT_JVMFLAGS"
