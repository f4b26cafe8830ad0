package zkops;

import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.Logger;

/**
 * Sets up java.util.logging, which stands behind ZooKeeper's slf4j, from the environment.
 *
 * <p>{@code ZOO_LOG_LEVEL} is the level of all loggers, {@code ZOO_LOG_LEVELS} of single ones
 * ({@code logger=LEVEL,logger=LEVEL}), {@code ZOO_LOG_FORMAT} is {@code text} or {@code json}. The levels have slf4j's
 * names. Named to the JVM by {@code java.util.logging.config.class}.
 */
public final class Log {
    /**
     * Two log every four-letter word, the third a page of missing classes where zoo.cfg asks for the AdminServer; and
     * at DEBUG the JDK's own would log every probe.
     */
    private static final String QUIET = "org.apache.zookeeper.server.NIOServerCnxn=WARN,"
        + "org.apache.zookeeper.server.NettyServerCnxn=WARN,org.apache.zookeeper.server.admin.AdminServerFactory=ERROR,"
        + "com.sun.net.httpserver=INFO,java.lang.Runtime=INFO";

    /** A logger that nobody holds is collected, and its level with it. */
    private static final List<Logger> HELD = new ArrayList<>();

    /** Reads the environment; a level or format it does not know is told and passed over. */
    public Log() {
        LogManager.getLogManager().reset();
        Logger root = Logger.getLogger("");
        String format = value("ZOO_LOG_FORMAT", "text");
        if (!format.equals("json") && !format.equals("text")) {
            System.err.println("zookeeper: " + format + " is no log format; write text or json");
        }
        root.addHandler(new LogLine(format.equals("json")));
        root.setLevel(level(value("ZOO_LOG_LEVEL", "INFO")));
        set(QUIET);
        set(value("ZOO_LOG_LEVELS", ""));
    }

    private static void set(String levels) {
        for (String entry : levels.split(",")) {
            int equals = entry.indexOf('=');
            if (equals > 0) {
                Logger logger = Logger.getLogger(entry.substring(0, equals).trim());
                logger.setLevel(level(entry.substring(equals + 1).trim()));
                HELD.add(logger);
            }
        }
    }

    private static String value(String name, String other) {
        String found = System.getenv(name);
        return found == null || found.isEmpty() ? other : found;
    }

    private static Level level(String name) {
        switch (name) {
            case "OFF":
                return Level.OFF;
            case "ERROR":
                return Level.SEVERE;
            case "WARN":
                return Level.WARNING;
            case "INFO":
                return Level.INFO;
            case "DEBUG":
                return Level.FINE;
            case "TRACE":
                return Level.FINEST;
            default:
                System.err.println("zookeeper: " + name + " is no log level; write TRACE, DEBUG, INFO, WARN, ERROR or OFF");
                return Level.INFO;
        }
    }
}
