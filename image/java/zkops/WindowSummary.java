package zkops;

import java.util.Map;
import org.apache.zookeeper.metrics.Summary;
import org.apache.zookeeper.server.metric.AvgMinMaxCounter;

/** A summary: ZooKeeper's own counter for sum, count, minimum and maximum, and a window for the quantiles. */
final class WindowSummary implements Summary {

    private static final String[] NONE = {};
    private static final String[] BASIC = {"0.5"};
    private static final String[] ADVANCED = {"0.5", "0.9", "0.99"};

    final boolean advanced;
    private final String name;
    private final AvgMinMaxCounter counter;
    /** Null where the quantiles are left out. */
    private final Window window;

    WindowSummary(String name, boolean advanced) {
        this(name, advanced, true);
    }

    WindowSummary(String name, boolean advanced, boolean quantiles) {
        this.name = name;
        this.advanced = advanced;
        counter = new AvgMinMaxCounter(name);
        // Only the percentiles of mntr are of all time, and mntr has them for advanced summaries only.
        window = quantiles ? new Window(advanced) : null;
    }

    @Override
    public void add(long value) {
        counter.add(value);
        if (window != null) {
            window.add(value);
        }
    }

    void turn() {
        if (window != null) {
            window.turn();
        }
    }

    void reset() {
        counter.reset();
        if (window != null) {
            window.reset();
        }
    }

    /** The lines of mntr: names and values as ZooKeeper's default provider gives them. */
    Map<String, Object> values() {
        Map<String, Object> values = counter.values();
        if (advanced && window != null) {
            Counts all = window.all();
            values.put("p50_" + name, all.percentile(0.5));
            values.put("p95_" + name, all.percentile(0.95));
            values.put("p99_" + name, all.percentile(0.99));
            values.put("p999_" + name, all.percentile(0.999));
        }
        return values;
    }

    /** The samples for Prometheus, with the label `key` unless that is null. */
    void write(Text text, String key) {
        Counts recent = window == null ? null : window.recent();
        for (String quantile : window == null ? NONE : advanced ? ADVANCED : BASIC) {
            double value = recent.quantile(Double.parseDouble(quantile));
            if (key == null) {
                text.sample("", value, "quantile", quantile);
            } else {
                text.sample("", value, "key", key, "quantile", quantile);
            }
        }
        if (key == null) {
            text.sample("_count", counter.getCount());
            text.sample("_sum", counter.getTotal());
        } else {
            text.sample("_count", counter.getCount(), "key", key);
            text.sample("_sum", counter.getTotal(), "key", key);
        }
    }
}
