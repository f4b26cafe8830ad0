package zkops;

import java.util.Properties;
import org.apache.zookeeper.metrics.MetricsProviderLifeCycleException;

/** The keys metricsProvider.* of zoo.cfg. */
record Settings(String host, int port, boolean jvm, boolean all, boolean everywhere) {

    /** Read the keys, which come without their prefix; the exception names the key, its value and what is allowed. */
    static Settings of(Properties given) throws MetricsProviderLifeCycleException {
        String host = given.getProperty("httpHost", "0.0.0.0");
        if (host.isEmpty()) {
            throw refused("httpHost", host, "a host name or an IP address");
        }
        return new Settings(
                host,
                port(given.getProperty("httpPort", "7000")),
                either(given, "exportJvmInfo", "true", "false").equals("true"),
                either(given, "metrics", "small", "all").equals("all"),
                either(given, "probes", "loopback", "everywhere").equals("everywhere"));
    }

    private static int port(String value) throws MetricsProviderLifeCycleException {
        try {
            int port = Integer.parseInt(value);
            if (port >= 1 && port <= 65535) {
                return port;
            }
        } catch (NumberFormatException e) {
            // As wrong as a number out of range.
        }
        throw refused("httpPort", value, "a port from 1 to 65535");
    }

    /** Read a key with two values, the first of them its default. */
    private static String either(Properties given, String key, String first, String second)
            throws MetricsProviderLifeCycleException {
        String value = given.getProperty(key, first);
        if (!value.equals(first) && !value.equals(second)) {
            throw refused(key, value, first + " or " + second);
        }
        return value;
    }

    private static MetricsProviderLifeCycleException refused(String key, String value, String allowed) {
        return new MetricsProviderLifeCycleException(
                "metricsProvider." + key + " in zoo.cfg is \"" + value + "\"; it must be " + allowed);
    }
}
