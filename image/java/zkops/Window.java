package zkops;

import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * The values of the last ten minutes, in five slices of two minutes, and when asked for those of all time.
 *
 * <p>Adding takes no lock, reads no clock and allocates nothing but the slots of values not seen before in a slice.
 * {@link #turn} must be called every {@link #SLICE_MILLIS}.
 */
final class Window {

    static final long SLICE_MILLIS = 120_000;
    private static final int SLICES = 5;

    private final AtomicIntegerArray[][] slices = new AtomicIntegerArray[SLICES][];
    private final boolean keepPast;
    /** What has left the slices, by row; only with keepPast. */
    private long[][] past;
    private volatile int current;

    Window(boolean keepPast) {
        this.keepPast = keepPast;
    }

    void add(long value) {
        int row = Counts.row(value);
        AtomicIntegerArray[] rows = slices[current];
        // Read without a lock: an AtomicIntegerArray seen at all is seen complete, and null only means to look again.
        AtomicIntegerArray slots = rows == null ? null : rows[row];
        if (slots == null) {
            slots = allocate(row);
        }
        slots.getAndIncrement(Counts.place(value, row));
    }

    private synchronized AtomicIntegerArray allocate(int row) {
        AtomicIntegerArray[] rows = slices[current];
        if (rows == null) {
            rows = new AtomicIntegerArray[Counts.ROWS];
            slices[current] = rows;
        }
        if (rows[row] == null) {
            rows[row] = new AtomicIntegerArray(Counts.width(row));
        }
        return rows[row];
    }

    /** Drop the oldest slice and begin a new one. */
    synchronized void turn() {
        int oldest = (current + 1) % SLICES;
        if (keepPast && slices[oldest] != null) {
            remember(slices[oldest]);
        }
        slices[oldest] = null;
        current = oldest;
    }

    private void remember(AtomicIntegerArray[] rows) {
        if (past == null) {
            past = new long[Counts.ROWS][];
        }
        for (int row = 0; row < Counts.ROWS; row++) {
            if (rows[row] != null) {
                if (past[row] == null) {
                    past[row] = new long[Counts.width(row)];
                }
                addUp(rows[row], past[row], 0);
            }
        }
    }

    synchronized void reset() {
        past = null;
        for (int slice = 0; slice < SLICES; slice++) {
            slices[slice] = null;
        }
    }

    /** What came in the last ten minutes (eight, just after a turn). */
    synchronized Counts recent() {
        return merged(null);
    }

    /** What came since the start or the last reset. */
    synchronized Counts all() {
        return merged(past);
    }

    private Counts merged(long[][] older) {
        long[] sums = new long[rowsUsed(older) == 0 ? 0 : Counts.offset(rowsUsed(older))];
        for (AtomicIntegerArray[] rows : slices) {
            for (int row = 0; rows != null && row < Counts.ROWS; row++) {
                if (rows[row] != null) {
                    addUp(rows[row], sums, Counts.offset(row));
                }
            }
        }
        for (int row = 0; older != null && row < Counts.ROWS; row++) {
            for (int place = 0; older[row] != null && place < older[row].length; place++) {
                sums[Counts.offset(row) + place] += older[row][place];
            }
        }
        return new Counts(sums);
    }

    private int rowsUsed(long[][] older) {
        int used = 0;
        for (int row = 0; row < Counts.ROWS; row++) {
            boolean found = older != null && older[row] != null;
            for (int slice = 0; slice < SLICES && !found; slice++) {
                found = slices[slice] != null && slices[slice][row] != null;
            }
            used = found ? row + 1 : used;
        }
        return used;
    }

    private static void addUp(AtomicIntegerArray slots, long[] sums, int offset) {
        for (int place = 0; place < slots.length(); place++) {
            sums[offset + place] += slots.getPlain(place);
        }
    }
}
