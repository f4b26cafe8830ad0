package zkops;

import java.util.Map;
import java.util.Set;

/** Prometheus' text format 0.0.4, cut down to what is wanted. */
final class Text {

    static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    private final StringBuilder out = new StringBuilder(16 * 1024);
    private final Map<String, String> help;
    /** Families to write; null for all. */
    private final Set<String> families;
    /** Samples to write, by their full name (`readlatency_sum`); null for all. */
    private final Set<String> samples;
    private String name = "";
    private String type = "";
    private boolean headless;

    private Text(Map<String, String> help, Set<String> families, Set<String> samples) {
        this.help = help;
        this.families = families;
        this.samples = samples;
    }

    static Text ofAll(Map<String, String> help) {
        return new Text(help, null, null);
    }

    static Text ofFamilies(Map<String, String> help, Set<String> families) {
        return new Text(help, families, null);
    }

    /** As client_java's `name[]`: the samples of exactly these names, whatever set they are in. */
    static Text ofSamples(Map<String, String> help, Set<String> samples) {
        return new Text(help, null, samples);
    }

    /** Begin a family; false when nothing of it is wanted, and then no sample of it may be given. */
    boolean begin(String family, String familyType) {
        if (families != null && !families.contains(family)) {
            return false;
        }
        if (samples != null && !samples.contains(family)
                && !samples.contains(family + "_sum") && !samples.contains(family + "_count")) {
            return false;
        }
        name = help.containsKey(family) ? family : legal(family);
        type = familyType;
        headless = true;
        if (samples == null) {
            // Also where no sample follows, such as for a key not seen yet: client_java does the same.
            head();
        }
        return true;
    }

    /** One sample of the family begun; *labels* are names and values by turns. */
    void sample(String suffix, double value, String... labels) {
        if (samples != null && !samples.contains(name + suffix)) {
            return;
        }
        if (headless) {
            head();
        }
        out.append(name).append(suffix);
        for (int label = 0; label < labels.length; label += 2) {
            out.append(label == 0 ? '{' : ',').append(labels[label]).append("=\"");
            escape(labels[label + 1], true);
            out.append('"');
        }
        out.append(labels.length == 0 ? " " : "} ");
        number(value);
        out.append('\n');
    }

    private void head() {
        headless = false;
        out.append("# HELP ").append(name).append(' ');
        escape(help.getOrDefault(name, name), false);
        out.append("\n# TYPE ").append(name).append(' ').append(type).append('\n');
    }

    private void escape(String text, boolean quoted) {
        if (text.indexOf('\\') < 0 && text.indexOf('\n') < 0 && text.indexOf('"') < 0) {
            out.append(text);
            return;
        }
        for (int at = 0; at < text.length(); at++) {
            char letter = text.charAt(at);
            if (letter == '\n') {
                out.append("\\n");
            } else if (letter == '\\' || quoted && letter == '"') {
                out.append('\\').append(letter);
            } else {
                out.append(letter);
            }
        }
    }

    private void number(double value) {
        if (Double.isInfinite(value)) {
            out.append(value > 0 ? "+Inf" : "-Inf");
        } else if (value == (long) value && Math.abs(value) < 1e15) {
            // Shorter, and cheaper to write and to read, than 1.2345678E7.
            out.append((long) value);
        } else {
            out.append(value);
        }
    }

    /** A name another plug-in chose must not make the whole answer unreadable. */
    private static String legal(String name) {
        StringBuilder mended = null;
        for (int at = 0; at < name.length(); at++) {
            char letter = name.charAt(at);
            boolean fine = letter >= 'a' && letter <= 'z' || letter >= 'A' && letter <= 'Z'
                    || letter == '_' || letter == ':' || at > 0 && letter >= '0' && letter <= '9';
            if (!fine) {
                mended = mended == null ? new StringBuilder(name) : mended;
                mended.setCharAt(at, '_');
            }
        }
        return mended == null ? name : mended.toString();
    }

    @Override
    public String toString() {
        return out.toString();
    }
}
