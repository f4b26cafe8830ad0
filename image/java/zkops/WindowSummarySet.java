package zkops;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.apache.zookeeper.metrics.SummarySet;

/** A summary for each key. */
final class WindowSummarySet implements SummarySet {

    /** So many keys have quantiles: some sets have every name ever used below `/` as a key, and keep it for ever. */
    private static final int WINDOWS = 100;

    final boolean advanced;
    final ConcurrentMap<String, WindowSummary> summaries = new ConcurrentHashMap<>();
    private final String name;

    WindowSummarySet(String name, boolean advanced) {
        this.name = name;
        this.advanced = advanced;
    }

    @Override
    public void add(String key, long value) {
        WindowSummary summary = summaries.get(key);
        if (summary == null) {
            // mntr puts the key before the name.
            summaries.putIfAbsent(key, new WindowSummary(key + "_" + name, advanced, summaries.size() < WINDOWS));
            summary = summaries.get(key);
        }
        summary.add(value);
    }

    void write(Text text) {
        for (Map.Entry<String, WindowSummary> entry : summaries.entrySet()) {
            entry.getValue().write(text, entry.getKey());
        }
    }
}
