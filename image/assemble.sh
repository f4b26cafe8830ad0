#!/bin/sh
# Put together the whole image under ROOT. Runs in a root made of the locked packages alone (chroot), so that nothing
# of the machine or of the base image gets in: the same lock and the same files here, the same image, bit for bit.
#   assemble.sh ROOT
set -eu

root=$1
build=/build
app=$root/opt/zookeeper
# The time of every file; any would do, it must only never change.
time='2025-01-01 00:00:00'
jdk=$(echo /usr/lib/jvm/java-25-openjdk-*)
multiarch=$(basename "$(dirname /usr/lib/*-linux-gnu*/libc.so.6)")

# What quorum TLS, SASL and client TLS were seen to need; java.logging is the log, jdk.httpserver metrics and probes.
modules=java.base,java.logging,java.management,java.naming,java.security.jgss,java.security.sasl
# Kerberos, and -javaagent.
modules=$modules,jdk.security.auth,jdk.security.jgss,java.instrument
# Metrics of memory and threads, direct buffers of Netty.
modules=$modules,jdk.httpserver,jdk.management,jdk.unsupported

jars='zookeeper zookeeper-jute slf4j-api slf4j-jdk14 metrics-core servlet-api snappy-java commons-cli netty-buffer
    netty-codec netty-common netty-handler netty-resolver netty-transport netty-transport-native-epoll
    netty-transport-native-unix-common'

# Apache's release, where the build is given one: its jars then take the place of these packages.
release=$(echo $build/apache/*-bin.tar.gz)
[ -e "$release" ] || release=
replaced='libzookeeper-java libdropwizard-metrics-java libservlet-api-java libsnappy-java libsnappy-jni libsnappy1v5
    libcommons-cli-java libnetty-java'

# A program finds its own libraries through /proc, which is not there.
java_tool() {
    tool=$1
    shift
    LD_LIBRARY_PATH=$jdk/lib "$jdk/bin/$tool" "$@"
}

jar_files() {
    if [ "$release" ]; then
        upstream_jars
        set -- slf4j-api slf4j-jdk14
    else
        # shellcheck disable=SC2086
        set -- $jars
    fi
    for name in "$@"; do
        echo "/usr/share/java/$name.jar"
    done
}

# All but what is ours here (log, metrics), what is not served (AdminServer), and native code other than Snappy's.
upstream_jars() {
    for file in /tmp/apache/*/lib/*.jar; do
        case ${file##*/} in
            slf4j-* | logback-* | *prometheus* | simpleclient* | jetty-* | jackson-* | jline-*) ;;
            netty-tcnative-* | *-linux-*) ;;
            *) echo "$file" ;;
        esac
    done
}

# Put Apache's release where the packages were.
upstream() {
    sh $build/apache.sh "$release" $build/KEYS /tmp/apache
    for package in $replaced; do
        while read -r file; do
            [ -d "$file" ] || rm -f "$file"
        done <"/var/lib/dpkg/info/$package.list"
        rm "/var/lib/dpkg/status.d/$package"
    done
    # Its own way is to write the library into /tmp at each start.
    snappy=/usr/lib/$multiarch/jni/libsnappyjava.so
    mkdir -p "$(dirname "$snappy")"
    unzip -p /tmp/apache/*/lib/snappy-java-*.jar "org/xerial/snappy/native/Linux/$(uname -m)/libsnappyjava.so" >"$snappy"
    [ -s "$snappy" ] || { echo "assemble: the release holds no Snappy for $(uname -m)" >&2 && exit 1; }
}

packages() {
    ls /var/lib/dpkg/status.d
}

system() {
    mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/etc" "$root/var/lib/dpkg"
    for link in bin sbin lib lib64; do
        [ ! -L "/$link" ] || ln -s "usr/$link" "$root/$link"
    done
    # The loader's place is part of the ABI: /lib64 on amd64, /lib on arm64.
    for loader in /usr/lib64/ld-linux* /usr/lib/ld-linux*; do
        [ ! -e "$loader" ] || { mkdir -p "$root$(dirname "$loader")" && cp -P "$loader" "$root$loader"; }
    done
    for library in libc libm libdl libpthread librt libz libstdc++ libgcc_s libsnappy ld-linux; do
        for file in /usr/lib/"$multiarch"/"$library"[.-]*so*; do
            [ ! -e "$file" ] || library "$file"
        done
    done
    library /usr/lib/"$multiarch"/jni/libsnappyjava.so
    cp /usr/bin/busybox /usr/bin/tini "$root/usr/bin/"
    for applet in $(busybox --list); do
        case $applet in
            # No package managers, and no servers that nobody here starts.
            busybox | dpkg | dpkg-deb | rpm | rpm2cpio | httpd | telnetd | tftpd | udhcpd | svc | svok) ;;
            *) ln -s busybox "$root/usr/bin/$applet" ;;
        esac
    done
    users
    cp -r /var/lib/dpkg/status.d "$root/var/lib/dpkg/"
    library /usr/lib/os-release
    ln -s ../usr/lib/os-release "$root/etc/os-release"
}

library() {
    mkdir -p "$root$(dirname "$1")"
    cp -P "$1" "$root$1"
}

users() {
    printf '%s\n' 'root:x:0:0:root:/:/sbin/nologin' 'zookeeper:x:1000:1000::/data:/sbin/nologin' >"$root/etc/passwd"
    printf '%s\n' 'root:x:0:' 'zookeeper:x:1000:' >"$root/etc/group"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
    for directory in conf data datalog logs; do
        mkdir -p "$root/$directory"
        chown 1000:1000 "$root/$directory"
    done
    mkdir -p -m 1777 "$root/tmp"
}

runtime() {
    java_tool jlink --add-modules "$modules" --vm server --no-header-files --no-man-pages --strip-java-debug-attributes \
        --compress zip-9 --output "$app/jre"
    # Tools and tables for tools; what they are licensed under is in /usr/share/doc.
    rm -r "$app/jre/legal" "$app/jre/bin/jwebserver" "$app/jre/lib/jrt-fs.jar" "$app/jre/lib/classlist" "$app/jre/lib/jexec"
    for file in "$app"/jre/bin/* "$app"/jre/lib/*.so "$app"/jre/lib/server/*.so; do
        eu-strip "$file"
    done
}

# One jar without Class-Path entries: those of the packages' jars point into /usr/share/java, and would find strangers.
jar() {
    mkdir -p /tmp/classes
    for file in $(jar_files); do
        unzip -oq "$file" -d /tmp/classes
    done
    # Without the symbol file it does not warn of sun.misc.Signal, which a module for just that exports.
    java_tool javac -Xlint:all -Werror -XDignore.symbol.file -XDstringConcat=inline -g:source,lines -d /tmp/classes -cp /tmp/classes $build/java/zkops/*.java
    cp $build/java/zkops/*.txt /tmp/classes/zkops/
    rm -r /tmp/classes/META-INF
    if [ "$release" ]; then
        rm -r /tmp/classes/org/xerial/snappy/native
        echo org.xerial.snappy.use.systemlib=true >/tmp/classes/org-xerial-snappy.properties
    fi
    cd /tmp/classes
    find . -type f | sort | sed 's,^\./,,' >/tmp/files
    java_tool jar --create --no-manifest --date=2025-01-01T00:00:00Z --file "$app/zookeeper.jar" @/tmp/files
    cd /
}

scripts() {
    mkdir -p "$app/bin"
    for script in entrypoint ensemble.sh configured probe prepare-data zkServer.sh zkCli.sh; do
        cp "$build/$script" "$app/bin/"
        chmod 755 "$app/bin/$script"
    done
    cp "$build/java.options" "$app/"
    chmod 644 "$app/java.options"
}

licences() {
    mkdir -p "$root/usr/share/doc"
    # Copyright files name common licences by their path here.
    cp -r /usr/share/common-licenses "$root/usr/share/"
    for package in $(packages); do
        # Packages of one source share theirs by a link.
        if [ -L "/usr/share/doc/$package" ]; then
            cp -P "/usr/share/doc/$package" "$root/usr/share/doc/"
        else
            mkdir -p "$root/usr/share/doc/$package"
            cp "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
        fi
    done
    if [ "$release" ]; then
        mkdir "$root/usr/share/doc/apache-zookeeper"
        cp /tmp/apache/*/LICENSE.txt /tmp/apache/*/NOTICE.txt "$root/usr/share/doc/apache-zookeeper/"
        for file in $(upstream_jars); do
            [ ! -e "${file%.jar}.LICENSE.txt" ] || cp "${file%.jar}.LICENSE.txt" "$root/usr/share/doc/apache-zookeeper/"
        done
    fi
}

# A file's time is part of its layer, and that of the jar part of the archive: they are set before the archive is made.
settle() {
    find "$root" -exec touch -h -d "$time" {} +
}

# The classes that a server loads at its start, laid out in memory once and for all: halves the time until it serves.
archive() {
    LD_LIBRARY_PATH=/opt/zookeeper/jre/lib chroot "$root" /opt/zookeeper/jre/bin/java -XX:SharedClassListFile=/classes.lst \
        @/opt/zookeeper/java.options -XX:+UseSerialGC -Xshare:dump -Xmx256m -Xlog:disable -Xlog:all=error:stderr \
        -cp /opt/zookeeper/zookeeper.jar
}

# What the image is made of: see docs/internals/supply-chain.md.
bill() {
    # shellcheck disable=SC2046,SC2086
    java_tool java $build/sbom/Sbom.java "$root" $build/packages.lock $release $(jar_files)
}

umask 022
export LC_ALL=C
[ ! "$release" ] || upstream
system
runtime
jar
scripts
licences
settle
cp $build/classes.lst "$root/classes.lst"
archive
rm "$root/classes.lst"
bill
settle
