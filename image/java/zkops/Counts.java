package zkops;

/** How often each value was seen: exact below 256, above that in steps of less than 0.8 %. */
final class Counts {

    /** Values below this have a slot each. */
    static final int EXACT = 256;
    /** Slots of each further power of two. */
    static final int STEPS = 128;
    /** Rows of slots: one for the exact values, one for each power of two from 2^8 to 2^62. */
    static final int ROWS = 56;

    private final long[] slots;
    private final long total;

    /** Slots in the order of their values; the array is not copied. */
    Counts(long[] slots) {
        long sum = 0;
        for (long count : slots) {
            sum += count;
        }
        this.slots = slots;
        this.total = sum;
    }

    /** The row that holds a value; what is below 0 (a clock set back) counts as 0. */
    static int row(long value) {
        return value < EXACT ? 0 : 56 - Long.numberOfLeadingZeros(value);
    }

    /** The place of a value in its row. */
    static int place(long value, int row) {
        return row == 0 ? (int) Math.max(value, 0) : (int) (value >>> row) - STEPS;
    }

    /** The number of slots in a row. */
    static int width(int row) {
        return row == 0 ? EXACT : STEPS;
    }

    /** The number of slots in all rows before this one. */
    static int offset(int row) {
        return row == 0 ? 0 : EXACT + (row - 1) * STEPS;
    }

    /** The smallest value of a slot: an estimate never exceeds what was measured. */
    private static long value(int slot) {
        if (slot < EXACT) {
            return slot;
        }
        int row = (slot - EXACT) / STEPS + 1;
        return (long) ((slot - EXACT) % STEPS + STEPS) << row;
    }

    /** The value at a rank, 1 for the smallest. */
    private long at(long rank) {
        long seen = 0;
        int slot = 0;
        for (; slot < slots.length - 1; slot++) {
            seen += slots[slot];
            if (seen >= rank) {
                break;
            }
        }
        return value(slot);
    }

    /** The value that a share of all values does not exceed; NaN without values, as client_java gives it. */
    double quantile(double share) {
        return total == 0 ? Double.NaN : at(Math.max(1, (long) Math.ceil(share * total)));
    }

    /** The same as mntr gives it: between the two nearest values, rounded; 0 without values. */
    long percentile(double share) {
        double position = share * (total + 1);
        long rank = (long) position;
        if (total == 0) {
            return 0;
        }
        if (rank < 1 || rank >= total) {
            return at(rank < 1 ? 1 : total);
        }
        long lower = at(rank);
        return Math.round(lower + (position - rank) * (at(rank + 1) - lower));
    }
}
