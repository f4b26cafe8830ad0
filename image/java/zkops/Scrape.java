package zkops;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Puts the answer of /metrics together. */
final class Scrape {

    private final Metrics metrics;
    private final Host host;
    private final boolean withJvm;
    /** The small set: metrics with what they tell. Null until the first scrape, to keep files out of the start. */
    private Map<String, String> small;
    private Jvm jvm;

    Scrape(Metrics metrics, Host host, boolean withJvm) {
        this.metrics = metrics;
        this.host = host;
        this.withJvm = withJvm;
    }

    /** Write all metrics or the small set; when *names* are given, exactly those samples, from all. */
    String text(boolean all, Set<String> names) {
        prepare();
        Text text;
        if (!names.isEmpty()) {
            text = Text.ofSamples(small, names);
        } else {
            text = all ? Text.ofAll(small) : Text.ofFamilies(small, small.keySet());
        }
        metrics.write(text);
        host.write(text);
        if (withJvm) {
            jvm.write(text);
        }
        return text.toString();
    }

    private synchronized void prepare() {
        if (small == null) {
            small = read();
        }
        if (withJvm && jvm == null) {
            jvm = new Jvm();
        }
    }

    /** Read the list: lines of a name and what it tells; `#` begins a comment. */
    private static Map<String, String> read() {
        Map<String, String> found = new HashMap<>();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                Scrape.class.getResourceAsStream("small-metrics.txt"), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                int space = line.indexOf(' ');
                if (space > 0 && line.charAt(0) != '#') {
                    found.put(line.substring(0, space), line.substring(space).trim());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }
}
