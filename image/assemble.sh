#!/bin/bash
# Put together what the image adds to its base: a Java runtime made for ZooKeeper, the jars, one native library.
#   assemble.sh ROOT
set -euo pipefail

root=$1
jdk=$(echo /usr/lib/jvm/java-25-openjdk-*)

# What quorum TLS, SASL and client TLS were seen to need, and java.xml and java.naming for logback.
modules=java.base,java.management,java.naming,java.security.jgss,java.security.sasl,java.xml
# Metrics of memory and threads, direct buffers of Netty.
modules+=,jdk.management,jdk.unsupported

# All in one directory and nothing in /usr/share/java: the jars' Class-Path entries point there, and would find strangers.
jars=(
    zookeeper zookeeper-jute
    slf4j-api logback-core logback-classic
    metrics-core servlet-api snappy-java commons-cli
    netty-{buffer,codec,common,handler,resolver,transport,transport-native-epoll,transport-native-unix-common}
)

mkdir -p "$root/opt/zookeeper/lib"
for jar in "${jars[@]}"; do
    cp --dereference "/usr/share/java/$jar.jar" "$root/opt/zookeeper/lib/"
done

# Snappy's two libraries stay where their packages put them; the loader looks there by itself.
for library in /usr/lib/*/jni/libsnappyjava.so /usr/lib/*/libsnappy.so.1; do
    mkdir -p "$root$(dirname "$library")"
    cp --dereference "$library" "$root$library"
done

"$jdk/bin/jlink" --add-modules "$modules" --vm server --no-header-files --no-man-pages \
    --compress zip-6 --output "$root/opt/zookeeper/jre"
# The class data archive halves the start-up time of the JVM.
"$root/opt/zookeeper/jre/bin/java" -Xshare:dump
