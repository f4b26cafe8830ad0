package zkops;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.Adler32;
import org.apache.zookeeper.server.persistence.FileSnap;
import org.apache.zookeeper.server.persistence.SnapStream;
import org.apache.zookeeper.server.persistence.Util;
import org.apache.zookeeper.version.Info;

/**
 * Looks at a machine's disks for `invoke doctor --deep`: is the newest snapshot whole, how long do synced writes take.
 *
 * <p>{@code java zkops.Preflight SNAPSHOTS DIRECTORY...} where SNAPSHOTS is the directory of a member's snapshots,
 * empty where there is none, and each DIRECTORY is on a disk to measure. Prints facts, one a line, fields between tabs,
 * which zkops/doctor/deep_probe.py reads; then the clock, ten times a second, until it is ended.
 */
final class Preflight {

    /** Larger snapshots are not read through. */
    private static final long MOST_BYTES = 256L << 20;
    private static final long MOST_SECONDS = 10;
    /** A server that finds the newest snapshot damaged takes the one before: so many are tried until one is whole. */
    private static final int MOST_SNAPSHOTS = 3;
    private static final int MOST_AGES = 100;
    private static final int CHUNK = 1 << 20;
    /** A snapshot ends with the checksum of all before it, and with "/" as a string (SnapStream.sealStream). */
    private static final int SEAL = Long.BYTES + Integer.BYTES + 1;
    private static final long CLOCK_MILLIS = 100;

    private Preflight() {}

    public static void main(String[] arguments) throws InterruptedException {
        say("image", Info.MAJOR + "." + Info.MINOR + "." + Info.MICRO);
        if (!arguments[0].isEmpty()) {
            snapshots(new File(arguments[0]));
        }
        for (int at = 1; at < arguments.length; at++) {
            measure(new File(arguments[at]));
        }
        while (true) {
            say("clock", System.currentTimeMillis());
            Thread.sleep(CLOCK_MILLIS);
        }
    }

    static void say(Object... fields) {
        StringBuilder line = new StringBuilder();
        for (Object field : fields) {
            line.append(line.isEmpty() ? "" : "\t").append(String.valueOf(field).replaceAll("\\s+", " "));
        }
        System.out.println(line);
    }

    private static void measure(File directory) throws InterruptedException {
        try {
            SyncedWrites writes = new SyncedWrites(directory.toPath());
            writes.run();
            say("fsync", directory, writes.count(), writes.median(), writes.slow(), writes.longest(), writes.late());
        } catch (IOException e) {
            say("unsynced", directory, reason(e));
        }
    }

    /** Tells the number, bytes and ages of all snapshots, and of the newest ones whether they are whole. */
    private static void snapshots(File directory) throws InterruptedException {
        String prefix = FileSnap.SNAPSHOT_FILE_PREFIX;
        File[] found = directory.listFiles((parent, name) -> Util.getZxidFromName(name, prefix) >= 0);
        // As a server does: by zxid, whatever the times are. It takes null for no files.
        List<File> newestFirst = Util.sortDataDir(found, prefix, false);
        kept(newestFirst);
        boolean good = false;
        for (int at = 0; at < Math.min(MOST_SNAPSHOTS, newestFirst.size()) && !good; at++) {
            good = tell(newestFirst.get(at));
        }
    }

    /** How many there are, their bytes, and the ages of the oldest ones, oldest first. */
    private static void kept(List<File> files) {
        long bytes = 0;
        List<Long> ages = new ArrayList<>();
        for (File file : files) {
            bytes += file.length();
            ages.add(age(file));
        }
        ages.sort(Collections.reverseOrder());
        StringBuilder oldest = new StringBuilder();
        for (int at = 0; at < Math.min(MOST_AGES, ages.size()); at++) {
            oldest.append(at == 0 ? "" : ",").append(ages.get(at));
        }
        say("kept", files.size(), bytes, oldest);
    }

    private static boolean tell(File file) throws InterruptedException {
        String found;
        boolean good = false;
        try {
            found = look(file);
            good = true;
        } catch (IOException e) {
            found = reason(e);
        }
        say("snapshot", file.getName(), file.length(), age(file), found);
        return good;
    }

    private static long age(File file) {
        return Math.max(0, TimeUnit.MILLISECONDS.toSeconds(System.currentTimeMillis() - file.lastModified()));
    }

    /** `whole`: the checksum was right; `sealed`: it begins and ends as it should, and is too large for more. */
    private static String look(File file) throws IOException, InterruptedException {
        if (file.length() <= MOST_BYTES && checked(file)) {
            return "whole";
        }
        try (InputStream in = SnapStream.getInputStream(file)) {
            begins(in.readNBytes(Integer.BYTES));
        }
        if (!SnapStream.isValidSnapshot(file)) {
            throw new IOException("its end is missing");
        }
        return "sealed";
    }

    /** Reads all of it, taking at most a quarter of the disk's time; false when there is not time enough for that. */
    private static boolean checked(File file) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(MOST_SECONDS);
        Adler32 sum = new Adler32();
        byte[] bytes = new byte[SEAL + CHUNK];
        int kept = 0;
        try (InputStream in = SnapStream.getInputStream(file)) {
            for (boolean first = true, more = true; more; first = false) {
                long before = System.nanoTime();
                int read = in.readNBytes(bytes, kept, CHUNK);
                more = read == CHUNK;
                if (first) {
                    begins(bytes);
                }
                int past = Math.max(0, kept + read - SEAL);
                sum.update(bytes, 0, past);
                kept += read - past;
                System.arraycopy(bytes, past, bytes, 0, kept);
                TimeUnit.NANOSECONDS.sleep(3 * (System.nanoTime() - before));
                if (System.nanoTime() > deadline) {
                    return false;
                }
            }
        }
        ByteBuffer seal = ByteBuffer.wrap(bytes, 0, kept);
        if (kept < SEAL || seal.getLong() != sum.getValue() || seal.getInt() != 1 || seal.get() != '/') {
            throw new IOException("its checksum is wrong, or its end is missing");
        }
        return true;
    }

    private static void begins(byte[] bytes) throws IOException {
        if (bytes.length < Integer.BYTES || ByteBuffer.wrap(bytes).getInt() != FileSnap.SNAP_MAGIC) {
            throw new IOException("it does not begin as a snapshot does");
        }
    }

    private static String reason(IOException e) {
        String name = e.getClass() == IOException.class ? "" : e.getClass().getSimpleName() + ": ";
        return name + e.getMessage();
    }
}
