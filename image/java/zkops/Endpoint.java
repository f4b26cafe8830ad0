package zkops;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import org.apache.zookeeper.metrics.MetricsProviderLifeCycleException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The HTTP port: /metrics, /readyz and /livez. */
final class Endpoint implements HttpHandler, Executor {

    private static final Logger LOG = LoggerFactory.getLogger(Endpoint.class);
    private static final String PATHS = "/metrics, /readyz, /livez";
    /** Where the probes ask. */
    private static final String LOOPBACK = "127.0.0.1";

    private final Settings settings;
    private final State state;
    private final Scrape scrape;
    /** An answer takes 100 KB until it is sent: clients that do not read must not fill the heap with them. */
    private final Semaphore scrapes = new Semaphore(10);
    private HttpServer server;
    /** For the probes, where the first listens on one address of the network only. */
    private HttpServer loopback;

    Endpoint(Settings settings, State state, Scrape scrape) {
        this.settings = settings;
        this.state = state;
        this.scrape = scrape;
    }

    synchronized void start() throws MetricsProviderLifeCycleException {
        // The server reads these when its classes are loaded. Seconds: who sends half a request is cut off.
        property("sun.net.httpserver.maxReqTime", "5");
        property("sun.net.httpserver.maxRspTime", "10");
        property("sun.net.httpserver.nodelay", "true");
        property("jdk.httpserver.maxConnections", "1000");
        // Of a request's headers; 380 KB by default, which a few hundred connections could fill the heap with.
        property("sun.net.httpserver.maxReqHeaderSize", "8192");
        InetSocketAddress address = new InetSocketAddress(settings.host(), settings.port());
        server = listen(address, settings.host());
        // Resolved, or it could not have listened. A listener of its own: no stranger's connections count against it.
        InetAddress bound = address.getAddress();
        if (!bound.isAnyLocalAddress() && !bound.getHostAddress().equals(LOOPBACK)) {
            loopback = listen(new InetSocketAddress(LOOPBACK, settings.port()), LOOPBACK);
        }
    }

    private static void property(String name, String value) {
        if (System.getProperty(name) == null) {
            System.setProperty(name, value);
        }
    }

    private HttpServer listen(InetSocketAddress address, String host) throws MetricsProviderLifeCycleException {
        try {
            HttpServer made = HttpServer.create(address, 0);
            made.createContext("/", this);
            made.setExecutor(this);
            made.start();
            return made;
        } catch (IOException | UnresolvedAddressException e) {
            stop();
            throw new MetricsProviderLifeCycleException("cannot listen on " + host + ":" + settings.port()
                    + " for metrics and probes (" + (address.isUnresolved() ? "unknown host" : e.getMessage())
                    + "); free the port, or name another one in metricsProvider.httpPort,"
                    + " or another address in metricsProvider.httpHost", e);
        }
    }

    synchronized void stop() {
        if (server != null) {
            server.stop(0);
        }
        if (loopback != null) {
            loopback.stop(0);
        }
        server = null;
        loopback = null;
    }

    /** Answer each connection in a virtual thread of its own: a client that stalls costs memory, nobody's turn. */
    @Override
    public void execute(Runnable exchange) {
        Thread.startVirtualThread(exchange);
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String method = exchange.getRequestMethod();
            if (method.equals("GET") || method.equals("HEAD")) {
                route(exchange);
            } else {
                exchange.getResponseHeaders().set("Allow", "GET, HEAD");
                answer(exchange, 405, "only GET and HEAD");
            }
        } catch (RuntimeException e) {
            // The JDK's server would close the connection without a word.
            LOG.warn("Failed to answer {}", exchange.getRequestURI(), e);
            throw e;
        }
    }

    private void route(HttpExchange exchange) throws IOException {
        switch (exchange.getRequestURI().getPath()) {
            case "/livez", "/readyz" -> probe(exchange);
            case "/metrics" -> metrics(exchange);
            default -> answer(exchange, 404, "here are " + PATHS);
        }
    }

    private void probe(HttpExchange exchange) throws IOException {
        if (!settings.everywhere() && !exchange.getRemoteAddress().getAddress().isLoopbackAddress()) {
            answer(exchange, 403, "probes are answered on the loopback address only;"
                    + " metricsProvider.probes=everywhere in zoo.cfg opens them");
        } else if (exchange.getRequestURI().getPath().equals("/livez")) {
            answer(exchange, 200, "alive: " + state.word());
        } else {
            // Asked once: the state may change between two looks.
            String sentence = state.sentence();
            answer(exchange, sentence.startsWith("ready") ? 200 : 503, sentence);
        }
    }

    private void metrics(HttpExchange exchange) throws IOException {
        String set = settings.all() ? "all" : "small";
        Set<String> names = new HashSet<>();
        String query = exchange.getRequestURI().getRawQuery();
        for (String part : query == null ? new String[0] : query.split("&")) {
            int equals = part.indexOf('=');
            String key = decoded(part.substring(0, Math.max(0, equals)));
            String value = decoded(part.substring(equals + 1));
            if (key.equals("name[]")) {
                names.add(value);
            } else if (key.equals("set")) {
                set = value;
            }
        }
        if (!set.equals("all") && !set.equals("small")) {
            answer(exchange, 400, "set is \"" + set + "\"; it must be small or all");
            return;
        }
        if (!scrapes.tryAcquire()) {
            answer(exchange, 503, "too many scrapes at once");
            return;
        }
        try {
            exchange.getResponseHeaders().set("Content-Type", Text.CONTENT_TYPE);
            send(exchange, 200, scrape.text(set.equals("all"), names));
        } finally {
            scrapes.release();
        }
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            // A lone percent sign; it means no metric of ours.
            return text;
        }
    }

    private static void answer(HttpExchange exchange, int code, String line) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        send(exchange, code, line + "\n");
    }

    private static void send(HttpExchange exchange, int code, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(body.length));
            exchange.sendResponseHeaders(code, -1);
        } else {
            exchange.sendResponseHeaders(code, body.length);
            exchange.getResponseBody().write(body);
        }
    }
}
