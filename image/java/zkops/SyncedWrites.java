package zkops;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * Measures a disk as the transaction log uses it: small writes, one after the other, into a file whose size was set
 * before, and after each of them the very call that the server makes (`FileTxnLog.commit`: FileChannel.force(false)).
 *
 * <p>It rests four times as long as a write took, 20 ms at least and 1 s at most, so that a member on the same disk
 * hardly notices. The file is in a directory of its own, which is removed at the end, also when this process is told to end;
 * one that a killed run left is removed by the next.
 */
final class SyncedWrites {

    private static final int WRITES = 200;
    private static final int BYTES = 1024;
    private static final int FILE_BYTES = 1 << 20;
    private static final long LEAST_REST_MICROS = 20_000;
    private static final long MOST_REST_MICROS = 1_000_000;
    private static final int REST_SHARE = 4;
    private static final long MOST_SECONDS = 8;

    private final Path place;
    private final Path file;
    private long[] times = new long[WRITES];
    private long[] delays = new long[WRITES];
    private int count;

    SyncedWrites(Path directory) {
        place = directory.resolve(".zkops-doctor");
        file = place.resolve("log");
    }

    void run() throws IOException, InterruptedException {
        // In a directory that anybody may write to, a link may wait there: only what was ours is removed.
        if (Files.isDirectory(place, LinkOption.NOFOLLOW_LINKS) && owner(place).equals(owner(Path.of("/proc/self")))) {
            remove();
        }
        var own = PosixFilePermissions.fromString("rwx------");
        Files.createDirectory(place, PosixFilePermissions.asFileAttribute(own));
        Thread cleaner = new Thread(this::remove);
        Runtime.getRuntime().addShutdownHook(cleaner);
        try (FileChannel log = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            // As FilePadding does. It is not measured: it loads classes, too.
            log.write(ByteBuffer.allocate(1), FILE_BYTES - 1L);
            log.force(false);
            write(log);
        } finally {
            remove();
        }
        Runtime.getRuntime().removeShutdownHook(cleaner);
        times = Arrays.copyOf(times, count);
        delays = Arrays.copyOf(delays, count);
        Arrays.sort(times);
        Arrays.sort(delays);
    }

    private void write(FileChannel log) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(MOST_SECONDS);
        ByteBuffer record = ByteBuffer.allocate(BYTES);
        for (int at = 0; at < WRITES && (at == 0 || System.nanoTime() < deadline); at++) {
            long begin = System.nanoTime();
            log.write(record.clear());
            log.force(false);
            long written = System.nanoTime();
            long rest = Math.clamp(REST_SHARE * micros(written - begin), LEAST_REST_MICROS, MOST_REST_MICROS);
            TimeUnit.MICROSECONDS.sleep(rest);
            times[at] = micros(written - begin);
            delays[at] = micros(System.nanoTime() - written) - rest;
            count++;
        }
    }

    private static long micros(long nanos) {
        return TimeUnit.NANOSECONDS.toMicros(nanos);
    }

    private static Object owner(Path path) throws IOException {
        return Files.getAttribute(path, "unix:uid");
    }

    private void remove() {
        try {
            Files.deleteIfExists(file);
            Files.deleteIfExists(place);
        } catch (IOException e) {
            System.err.println("zookeeper: " + place + " stays: " + e.getMessage());
        }
    }

    int count() {
        return count;
    }

    /** Microseconds, as all below. */
    long median() {
        return times[count / 2];
    }

    /** Ninety-nine of a hundred writes were quicker. */
    long slow() {
        return times[rank()];
    }

    long longest() {
        return times[count - 1];
    }

    /** By how much a rest was too long: a process that wants the processor waits so long for it. */
    long late() {
        return delays[rank()];
    }

    private int rank() {
        return Math.min(count - 1, (int) Math.ceil(count * 0.99) - 1);
    }
}
