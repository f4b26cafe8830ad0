package zkops;

import java.util.Properties;
import java.util.function.BiConsumer;
import org.apache.zookeeper.metrics.MetricsContext;
import org.apache.zookeeper.metrics.MetricsProvider;
import org.apache.zookeeper.metrics.MetricsProviderLifeCycleException;

/**
 * ZooKeeper's metrics in Prometheus' text format, and its probes, on one HTTP port.
 *
 * <p>A plug-in by ZooKeeper's public interface: `metricsProvider.className=zkops.PrometheusMetrics` in zoo.cfg.
 */
public final class PrometheusMetrics implements MetricsProvider {

    private final Metrics metrics = new Metrics();
    private final State state = new State(metrics);
    private Settings settings;
    private Endpoint endpoint;
    private Thread clock;
    private Thread unfollowed;

    /** Make a provider without settings; ZooKeeper calls this by name. */
    public PrometheusMetrics() {
    }

    @Override
    public void configure(Properties configuration) throws MetricsProviderLifeCycleException {
        settings = Settings.of(configuration);
        Signals.endAtOnce();
    }

    @Override
    public void start() throws MetricsProviderLifeCycleException {
        endpoint = new Endpoint(settings, state, new Scrape(metrics, new Host(state), settings.jvm()));
        endpoint.start();
        clock = new Clock();
        clock.start();
        unfollowed = new Unfollowed();
        unfollowed.start();
    }

    @Override
    public MetricsContext getRootContext() {
        return metrics;
    }

    @Override
    public void stop() {
        if (endpoint != null) {
            endpoint.stop();
            clock.interrupt();
            unfollowed.interrupt();
        }
        metrics.forgetGauges();
    }

    @Override
    public void dump(BiConsumer<String, Object> sink) {
        metrics.dump(sink);
    }

    @Override
    public void resetAllValues() {
        metrics.reset();
    }

    /** Moves the summaries' windows on, so that adding a value need not look at the time. */
    private final class Clock extends Thread {

        Clock() {
            super("metrics-window");
            setDaemon(true);
        }

        @Override
        public void run() {
            try {
                while (true) {
                    sleep(Window.SLICE_MILLIS);
                    metrics.turn();
                }
            } catch (InterruptedException e) {
                // The provider was stopped.
            }
        }
    }
}
