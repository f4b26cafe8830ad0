package zkops;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;

/** Writes each event as one line on stdout, as text or as JSON; a stack trace stays in its event's line. */
public final class LogLine extends Handler {
    private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
    private final boolean json;

    /** As {@code ZOO_LOG_FORMAT} says; for a logging.properties that names this handler. */
    public LogLine() {
        this("json".equals(System.getenv("ZOO_LOG_FORMAT")));
    }

    LogLine(boolean json) {
        this.json = json;
    }

    @Override
    public void publish(LogRecord record) {
        if (!isLoggable(record)) {
            return;
        }
        byte[] line = (json ? asJson(record) : asText(record)).getBytes(StandardCharsets.UTF_8);
        synchronized (this) {
            try {
                out.write(line);
            } catch (IOException gone) {
                // Whoever read the log is gone; the server is worth more than its log.
            }
        }
    }

    @Override
    public void flush() {
        // Nothing is held back.
    }

    @Override
    public void close() {
        // Standard output is not ours to close.
    }

    private static String asText(LogRecord record) {
        String name = String.valueOf(record.getLoggerName());
        StringBuilder line = new StringBuilder(200);
        time(line, record.getMillis());
        line.append(' ').append(level(record.getLevel()));
        pad(line, 31).append(name, name.lastIndexOf('.') + 1, name.length()).append(": ");
        String text = String.valueOf(record.getMessage());
        if (record.getThrown() != null) {
            text = text + ' ' + trace(record.getThrown());
        }
        return oneLine(line, text).append('\n').toString();
    }

    private static StringBuilder pad(StringBuilder line, int column) {
        do {
            line.append(' ');
        } while (line.length() < column);
        return line;
    }

    /** Appends text with every line end, and the white space around it, written as " | ". */
    private static StringBuilder oneLine(StringBuilder line, String text) {
        String stripped = text.stripTrailing();
        for (int at = 0; at < stripped.length(); at++) {
            char c = stripped.charAt(at);
            if (c != '\n' && c != '\r') {
                line.append(c < ' ' ? ' ' : c);
                continue;
            }
            while (Character.isWhitespace(stripped.charAt(at + 1))) {
                at++;
            }
            line.append(" | ");
        }
        return line;
    }

    private static String asJson(LogRecord record) {
        StringBuilder line = new StringBuilder(300).append("{\"time\":\"");
        time(line, record.getMillis());
        field(line.append('"'), "level", level(record.getLevel()));
        field(line, "logger", String.valueOf(record.getLoggerName()));
        field(line, "thread", Thread.currentThread().getName());
        field(line, "message", String.valueOf(record.getMessage()));
        if (record.getThrown() != null) {
            field(line, "exception", trace(record.getThrown()));
        }
        return line.append("}\n").toString();
    }

    private static void field(StringBuilder line, String name, String value) {
        line.append(",\"").append(name).append("\":\"");
        for (int at = 0; at < value.length(); at++) {
            char c = value.charAt(at);
            switch (c) {
                case '"', '\\' -> line.append('\\').append(c);
                case '\n' -> line.append("\\n");
                case '\t' -> line.append("\\t");
                default -> {
                    // A lone surrogate has no UTF-8 form: escaped, it cannot spoil the line.
                    if (c < ' ' || Character.isSurrogate(c)) {
                        line.append("\\u").append(digits(c));
                    } else {
                        line.append(c);
                    }
                }
            }
        }
        line.append('"');
    }

    private static String digits(char c) {
        String hex = Integer.toHexString(c);
        return "0000".substring(hex.length()) + hex;
    }

    private static String trace(Throwable thrown) {
        StringWriter text = new StringWriter();
        thrown.printStackTrace(new PrintWriter(text, true));
        return text.toString().stripTrailing();
    }

    private static String level(Level level) {
        int value = level.intValue();
        if (value >= Level.SEVERE.intValue()) {
            return "ERROR";
        }
        if (value >= Level.WARNING.intValue()) {
            return "WARN";
        }
        if (value >= Level.INFO.intValue()) {
            return "INFO";
        }
        return value >= Level.FINE.intValue() ? "DEBUG" : "TRACE";
    }

    /** Appends such as 2026-01-31T23:59:59.123Z. A java.time formatter would load some fifty classes at the start. */
    private static void time(StringBuilder line, long millis) {
        LocalDateTime at = LocalDateTime.ofEpochSecond(Math.floorDiv(millis, 1000), 0, ZoneOffset.UTC);
        number(line, at.getYear(), 1000).append('-');
        number(line, at.getMonthValue(), 10).append('-');
        number(line, at.getDayOfMonth(), 10).append('T');
        number(line, at.getHour(), 10).append(':');
        number(line, at.getMinute(), 10).append(':');
        number(line, at.getSecond(), 10).append('.');
        number(line, (int) Math.floorMod(millis, 1000L), 100).append('Z');
    }

    private static StringBuilder number(StringBuilder line, int value, int place) {
        for (int at = place; at > 0; at /= 10) {
            line.append((char) ('0' + value / at % 10));
        }
        return line;
    }
}
