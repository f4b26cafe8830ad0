package zkops;

import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.BiConsumer;
import org.apache.zookeeper.metrics.Counter;
import org.apache.zookeeper.metrics.CounterSet;
import org.apache.zookeeper.metrics.Gauge;
import org.apache.zookeeper.metrics.GaugeSet;
import org.apache.zookeeper.metrics.MetricsContext;
import org.apache.zookeeper.metrics.Summary;
import org.apache.zookeeper.metrics.SummarySet;
import org.apache.zookeeper.server.metric.SimpleCounter;
import org.apache.zookeeper.server.metric.SimpleCounterSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** All metrics of this server, by name. One flat context, as in ZooKeeper's own providers. */
final class Metrics implements MetricsContext {

    private static final Logger LOG = LoggerFactory.getLogger(Metrics.class);

    /** Counts errors that end a critical thread, such as a write to the transaction log that failed. */
    private static final String FATAL = "unrecoverable_error_count";

    private final ConcurrentMap<String, Gauge> gauges = new ConcurrentHashMap<>();
    private final ConcurrentMap<String, GaugeSet> gaugeSets = new ConcurrentHashMap<>();
    private final ConcurrentMap<String, SimpleCounter> counters = new ConcurrentHashMap<>();
    private final ConcurrentMap<String, SimpleCounterSet> counterSets = new ConcurrentHashMap<>();
    private final ConcurrentMap<String, WindowSummary> summaries = new ConcurrentHashMap<>();
    private final ConcurrentMap<String, WindowSummarySet> summarySets = new ConcurrentHashMap<>();

    @Override
    public MetricsContext getContext(String name) {
        return this;
    }

    @Override
    public Counter getCounter(String name) {
        counters.putIfAbsent(name, name.equals(FATAL) ? new LastCounter(name) : new SimpleCounter(name));
        return counters.get(name);
    }

    @Override
    public CounterSet getCounterSet(String name) {
        counterSets.putIfAbsent(name, new SimpleCounterSet(name));
        return counterSets.get(name);
    }

    @Override
    public void registerGauge(String name, Gauge gauge) {
        gauges.put(name, Objects.requireNonNull(gauge, name));
    }

    @Override
    public void unregisterGauge(String name) {
        gauges.remove(name);
    }

    @Override
    public void registerGaugeSet(String name, GaugeSet gaugeSet) {
        gaugeSets.put(name, Objects.requireNonNull(gaugeSet, name));
    }

    @Override
    public void unregisterGaugeSet(String name) {
        gaugeSets.remove(name);
    }

    @Override
    public Summary getSummary(String name, DetailLevel level) {
        summaries.putIfAbsent(name, new WindowSummary(name, level == DetailLevel.ADVANCED));
        WindowSummary found = summaries.get(name);
        sameLevel(name, found.advanced, level);
        return found;
    }

    @Override
    public SummarySet getSummarySet(String name, DetailLevel level) {
        summarySets.putIfAbsent(name, new WindowSummarySet(name, level == DetailLevel.ADVANCED));
        WindowSummarySet found = summarySets.get(name);
        sameLevel(name, found.advanced, level);
        return found;
    }

    private static void sameLevel(String name, boolean advanced, DetailLevel level) {
        if (advanced != (level == DetailLevel.ADVANCED)) {
            throw new IllegalArgumentException("Already registered with another level of detail: " + name);
        }
    }

    boolean hasGauge(String name) {
        return gauges.containsKey(name);
    }

    /** Begin a new slice of time in every summary. */
    void turn() {
        summaries.values().forEach(WindowSummary::turn);
        summarySets.values().forEach(set -> set.summaries.values().forEach(WindowSummary::turn));
    }

    void reset() {
        counters.values().forEach(SimpleCounter::reset);
        counterSets.values().forEach(SimpleCounterSet::reset);
        summaries.values().forEach(WindowSummary::reset);
        summarySets.values().forEach(set -> set.summaries.values().forEach(WindowSummary::reset));
    }

    /** Gauges hold on to a whole server with its data. */
    void forgetGauges() {
        gauges.clear();
        gaugeSets.clear();
    }

    /** Give every line of mntr: names and values as ZooKeeper's default provider gives them. */
    void dump(BiConsumer<String, Object> sink) {
        gauges.forEach((name, gauge) -> {
            Number value = gauge.get();
            if (value != null) {
                sink.accept(name, value);
            }
        });
        gaugeSets.forEach((name, set) -> set.values().forEach((key, value) -> {
            if (key != null) {
                sink.accept(key + "_" + name, value == null ? 0 : value);
            }
        }));
        counters.values().forEach(counter -> counter.values().forEach(sink));
        counterSets.values().forEach(set -> set.values().forEach(sink));
        summaries.values().forEach(summary -> summary.values().forEach(sink));
        summarySets.values().forEach(set -> set.summaries.values().forEach(summary -> summary.values().forEach(sink)));
    }

    /** Write the metrics that are wanted, as ZooKeeper's own Prometheus provider names them. */
    void write(Text text) {
        // Loops, no lambdas: each of those is a class that the first scrape would have to make.
        for (Map.Entry<String, Gauge> gauge : gauges.entrySet()) {
            if (text.begin(gauge.getKey(), "gauge")) {
                writeGauge(text, gauge.getValue());
            }
        }
        for (Map.Entry<String, GaugeSet> set : gaugeSets.entrySet()) {
            if (text.begin(set.getKey(), "gauge")) {
                writeGaugeSet(text, set.getValue());
            }
        }
        for (Map.Entry<String, SimpleCounter> counter : counters.entrySet()) {
            if (text.begin(counter.getKey(), "counter")) {
                text.sample("", counter.getValue().get());
            }
        }
        for (Map.Entry<String, SimpleCounterSet> set : counterSets.entrySet()) {
            if (text.begin(set.getKey(), "counter")) {
                writeKeys(text, set.getValue().values(), "_" + set.getKey());
            }
        }
        for (Map.Entry<String, WindowSummary> summary : summaries.entrySet()) {
            if (text.begin(summary.getKey(), "summary")) {
                summary.getValue().write(text, null);
            }
        }
        for (Map.Entry<String, WindowSummarySet> set : summarySets.entrySet()) {
            if (text.begin(set.getKey(), "summary")) {
                set.getValue().write(text);
            }
        }
    }

    /** A gauge reads a server that may be shutting down just now: one that fails must not take the others with it. */
    private static void writeGauge(Text text, Gauge gauge) {
        try {
            text.sample("", number(gauge.get()));
        } catch (RuntimeException e) {
            LOG.debug("A gauge failed", e);
        }
    }

    private static void writeGaugeSet(Text text, GaugeSet set) {
        try {
            writeKeys(text, set.values(), "");
        } catch (RuntimeException e) {
            LOG.debug("A set of gauges failed", e);
        }
    }

    /** Write one sample a key; *tail* is what ZooKeeper's set appends to the keys. */
    private static void writeKeys(Text text, Map<String, ?> values, String tail) {
        for (Map.Entry<String, ?> entry : values.entrySet()) {
            String key = entry.getKey();
            if (key != null) {
                Number value = (Number) entry.getValue();
                text.sample("", number(value), "key", key.substring(0, key.length() - tail.length()));
            }
        }
    }

    private static double number(Number value) {
        return value == null ? 0 : value.doubleValue();
    }

    /**
     * Ends the process when the transaction log could not be written. A follower would go on and join again with what
     * it has in memory alone: its log then lacks transactions, or has them twice, and its next start loses data or
     * fails (ZOOKEEPER-4882). Started anew it has what is on its disk, and learns the rest. Other critical threads fail
     * whenever a leader goes away: those servers go on.
     */
    private static final class LastCounter extends SimpleCounter {
        LastCounter(String name) {
            super(name);
        }

        @Override
        public void add(long delta) {
            super.add(delta);
            if (Thread.currentThread().getName().startsWith("SyncThread:")) {
                System.err.println("zookeeper: the transaction log cannot be written, see above: the server ends");
                Runtime.getRuntime().halt(1);
            }
        }
    }
}
