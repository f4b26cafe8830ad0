package zkops;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Properties;

/** The zoo.cfg that was given to this server: which one it is, and what has no other metric. */
final class Configuration {

    private final Properties settings = new Properties();
    /** The ConfigMap's name where there is an ensemble, NAME-HASH, else the hash; null without a zoo.cfg. */
    private final String name;

    /** Reads the file once, at the first scrape: a server does not read it again either. */
    Configuration() {
        String text = text();
        String ensemble = System.getenv("ZOO_ENSEMBLE");
        String prefix = ensemble == null ? "" : ensemble.substring(ensemble.indexOf('/') + 1) + "-";
        name = text == null ? null : prefix + hash(text);
    }

    private String text() {
        String directory = System.getenv("ZOO_CONF_DIR");
        try {
            String text = directory == null ? null : Files.readString(Path.of(directory, "zoo.cfg"));
            if (text != null) {
                settings.load(new StringReader(text));
            }
            return text;
        } catch (IOException | IllegalArgumentException e) {
            // Not there any more, or not read as Java reads it: nothing is told of it.
            return null;
        }
    }

    /** As zkops/manifests/render.py names a configuration. */
    private static String hash(String text) {
        try {
            byte[] content = ("zoo.cfg\0" + text).getBytes(StandardCharsets.UTF_8);
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content)).substring(0, 10);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    void write(Text text) {
        if (text.begin("zookeeper_config_info", "gauge") && name != null) {
            text.sample("", 1, "config", name);
        }
        if (text.begin("zookeeper_autopurge_interval_hours", "gauge") && name != null) {
            text.sample("", number("autopurge.purgeInterval"));
        }
    }

    boolean isOn(String key) {
        return Boolean.parseBoolean(settings.getProperty(key, "false").trim());
    }

    /** A whole number; 0, ZooKeeper's own default, where there is none. */
    private int number(String key) {
        try {
            return Integer.parseInt(settings.getProperty(key, "0").trim());
        } catch (NumberFormatException e) {
            return 0;
        }
    }
}
