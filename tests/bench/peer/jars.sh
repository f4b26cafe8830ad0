#!/bin/bash
# Gather ZooKeeper's jars and what they need to run: jars.sh VERSION TARGET, VERSION being that of libzookeeper-java.
set -euo pipefail
version=$1 target=$2

packages=(
    libslf4j-java liblogback-java libdropwizard-metrics-java libservlet-api-java libsnappy-java libcommons-cli-java
    libnetty-java libjetty9-java libjackson2-core-java libjackson2-annotations-java libjackson2-databind-java
    libjline2-java
)
jars=(
    zookeeper zookeeper-jute slf4j-api logback-core logback-classic metrics-core servlet-api snappy-java commons-cli jline2
    netty-{buffer,codec,common,handler,resolver,transport,transport-native-epoll,transport-native-unix-common}
    jetty9-{server,http,io,util,util-ajax,servlet,security} jackson-{core,annotations,databind}
)

apt-get --quiet=2 update
if [[ ! $(apt-cache show "libzookeeper-java=$version" 2>&1) == Package:* ]]; then
    # A newer suite has it: looked for where the base image's own archive is.
    IFS='|' read -r uri signed_by < <(apt-get indextargets --format '$(REPO_URI)|$(SIGNED_BY)' 'Created-By: Packages')
    [[ $signed_by == /* ]] || signed_by=
    echo "deb [check-valid-until=no${signed_by:+ signed-by=$signed_by}] $uri forky main" >/etc/apt/sources.list.d/forky.list
    echo 'APT::Default-Release "trixie";' >/etc/apt/apt.conf.d/default-release
    apt-get --quiet=2 update
fi

mkdir -p /tmp/packages "$target"
cd /tmp/packages
apt-get --quiet=2 -o APT::Sandbox::User=root download "libzookeeper-java=$version" "${packages[@]}"
for package in *.deb; do dpkg --extract "$package" /tmp/packages/root; done
for jar in "${jars[@]}"; do cp --dereference "root/usr/share/java/$jar.jar" "$target/"; done
