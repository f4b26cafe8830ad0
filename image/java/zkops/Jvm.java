package zkops;

import com.sun.management.GarbageCollectionNotificationInfo;
import com.sun.management.UnixOperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryUsage;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.management.Notification;
import javax.management.NotificationEmitter;
import javax.management.NotificationListener;
import javax.management.openmbean.CompositeData;

/** The JVM and the process, in the names of client_java 0.9's DefaultExports, which ZooKeeper's own provider exports. */
final class Jvm implements NotificationListener {

    private final Map<String, Long> allocated = new ConcurrentHashMap<>();
    private final Map<String, Long> usedAfterLastCollection = new ConcurrentHashMap<>();

    /** Made at the first scrape, not at the start of the server. */
    Jvm() {
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            if (collector instanceof NotificationEmitter emitter) {
                emitter.addNotificationListener(this, null, null);
            }
        }
    }

    void write(Text text) {
        process(text);
        memory(text);
        pools(text);
        buffers(text);
        collectors(text);
        threads(text);
        classes(text);
        if (text.begin("jvm_info", "gauge")) {
            text.sample("", 1, "version", property("java.runtime.version"), "vendor", property("java.vm.vendor"),
                    "runtime", property("java.runtime.name"));
        }
    }

    private static String property(String name) {
        return System.getProperty(name, "unknown");
    }

    private static void one(Text text, String name, String type, double value) {
        if (text.begin(name, type)) {
            text.sample("", value);
        }
    }

    private static void process(Text text) {
        if (ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean system) {
            one(text, "process_cpu_seconds_total", "counter", system.getProcessCpuTime() / 1e9);
            if (text.begin("process_open_fds", "gauge")) {
                text.sample("", system.getOpenFileDescriptorCount());
            }
            one(text, "process_max_fds", "gauge", system.getMaxFileDescriptorCount());
        }
        one(text, "process_start_time_seconds", "gauge", ManagementFactory.getRuntimeMXBean().getStartTime() / 1e3);
        try (BufferedReader status = Files.newBufferedReader(Path.of("/proc/self/status"))) {
            for (String line = status.readLine(); line != null; line = status.readLine()) {
                if (line.startsWith("VmSize:")) {
                    one(text, "process_virtual_memory_bytes", "gauge", kilobytes(line));
                } else if (line.startsWith("VmRSS:")) {
                    one(text, "process_resident_memory_bytes", "gauge", kilobytes(line));
                }
            }
        } catch (IOException e) {
            // Not a Linux system: client_java leaves them out there, too.
        }
    }

    /** The bytes in a line such as `VmRSS:     45032 kB`. */
    private static double kilobytes(String line) {
        return 1024.0 * Long.parseLong(line.substring(line.indexOf(':') + 1, line.length() - " kB".length()).trim());
    }

    private static void memory(Text text) {
        MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
        MemoryUsage nonheap = ManagementFactory.getMemoryMXBean().getNonHeapMemoryUsage();
        area(text, "jvm_memory_bytes_used", heap.getUsed(), nonheap.getUsed());
        area(text, "jvm_memory_bytes_committed", heap.getCommitted(), nonheap.getCommitted());
        area(text, "jvm_memory_bytes_max", heap.getMax(), nonheap.getMax());
        area(text, "jvm_memory_bytes_init", heap.getInit(), nonheap.getInit());
    }

    private static void area(Text text, String name, long heap, long nonheap) {
        if (text.begin(name, "gauge")) {
            text.sample("", heap, "area", "heap");
            text.sample("", nonheap, "area", "nonheap");
        }
    }

    private void pools(Text text) {
        for (String kind : new String[] {"used", "committed", "max", "init"}) {
            if (text.begin("jvm_memory_pool_bytes_" + kind, "gauge")) {
                for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
                    MemoryUsage usage = pool.getUsage();
                    long value = switch (kind) {
                        case "used" -> usage.getUsed();
                        case "committed" -> usage.getCommitted();
                        case "max" -> usage.getMax();
                        default -> usage.getInit();
                    };
                    text.sample("", value, "pool", pool.getName());
                }
            }
        }
        // What lives: the rest of `used` may be garbage that nobody had to collect yet. A name of later client_java.
        if (text.begin("jvm_memory_pool_collection_used_bytes", "gauge")) {
            for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
                MemoryUsage left = pool.getCollectionUsage();
                if (left != null) {
                    text.sample("", left.getUsed(), "pool", pool.getName());
                }
            }
        }
        if (text.begin("jvm_memory_pool_allocated_bytes_total", "counter")) {
            for (Map.Entry<String, Long> pool : allocated.entrySet()) {
                text.sample("", pool.getValue(), "pool", pool.getKey());
            }
        }
    }

    private static void buffers(Text text) {
        for (String kind : new String[] {"used_bytes", "capacity_bytes", "used_buffers"}) {
            if (text.begin("jvm_buffer_pool_" + kind, "gauge")) {
                for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
                    long value = switch (kind) {
                        case "used_bytes" -> pool.getMemoryUsed();
                        case "capacity_bytes" -> pool.getTotalCapacity();
                        default -> pool.getCount();
                    };
                    text.sample("", value, "pool", pool.getName());
                }
            }
        }
    }

    private static void collectors(Text text) {
        if (text.begin("jvm_gc_collection_seconds", "summary")) {
            for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
                text.sample("_count", collector.getCollectionCount(), "gc", collector.getName());
                text.sample("_sum", collector.getCollectionTime() / 1e3, "gc", collector.getName());
            }
        }
    }

    private static void threads(Text text) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        one(text, "jvm_threads_current", "gauge", threads.getThreadCount());
        one(text, "jvm_threads_daemon", "gauge", threads.getDaemonThreadCount());
        one(text, "jvm_threads_peak", "gauge", threads.getPeakThreadCount());
        one(text, "jvm_threads_started_total", "counter", threads.getTotalStartedThreadCount());
        if (text.begin("jvm_threads_deadlocked", "gauge")) {
            text.sample("", length(threads.findDeadlockedThreads()));
        }
        if (text.begin("jvm_threads_deadlocked_monitor", "gauge")) {
            text.sample("", length(threads.findMonitorDeadlockedThreads()));
        }
        if (text.begin("jvm_threads_state", "gauge")) {
            int[] counts = new int[Thread.State.values().length];
            for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds(), 0)) {
                if (thread != null) {
                    counts[thread.getThreadState().ordinal()]++;
                }
            }
            for (Thread.State state : Thread.State.values()) {
                text.sample("", counts[state.ordinal()], "state", state.name());
            }
        }
    }

    private static int length(long[] found) {
        return found == null ? 0 : found.length;
    }

    private static void classes(Text text) {
        var classes = ManagementFactory.getClassLoadingMXBean();
        one(text, "jvm_classes_loaded", "gauge", classes.getLoadedClassCount());
        one(text, "jvm_classes_loaded_total", "counter", classes.getTotalLoadedClassCount());
        one(text, "jvm_classes_unloaded_total", "counter", classes.getUnloadedClassCount());
    }

    /** After a collection: what each pool grew by since the one before it. */
    @Override
    public synchronized void handleNotification(Notification notification, Object handback) {
        var collection = GarbageCollectionNotificationInfo.from((CompositeData) notification.getUserData()).getGcInfo();
        Map<String, MemoryUsage> after = collection.getMemoryUsageAfterGc();
        collection.getMemoryUsageBeforeGc().forEach((pool, before) -> {
            long used = after.get(pool).getUsed();
            Long last = usedAfterLastCollection.put(pool, used);
            long between = Math.max(0, before.getUsed() - (last == null ? 0 : last));
            allocated.merge(pool, between + Math.max(0, used - before.getUsed()), Long::sum);
        });
    }
}
