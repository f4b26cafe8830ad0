package zkops;

import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.server.quorum.Leader;
import org.apache.zookeeper.server.quorum.QuorumPeer;

/**
 * Lets a leader that nobody follows look for a leader again.
 *
 * <p>Members that start one after the other can elect two leaders. The one that the others left waits for followers
 * for as long as they may take to load their data (initLimit), and gives up sooner only when it hears a voter look
 * anew after `leader.maxTimeToWaitForEpoch` (`Leader.reportLookingSid`): when all have found the other leader by then,
 * it hears nothing more, and is out for a minute. Whoever elected it stops trying to connect after syncLimit ticks,
 * so that after twice as long nobody will come. The interrupt ends exactly the wait that its own timeout ends.
 */
final class Unfollowed extends Thread {

    private static final long POLL_MILLIS = 300;

    private Leader waiting;
    private long since;

    Unfollowed() {
        super("unfollowed-leader");
        setDaemon(true);
    }

    @Override
    public void run() {
        try {
            while (true) {
                sleep(POLL_MILLIS);
                look();
            }
        } catch (InterruptedException e) {
            // The provider was stopped.
        }
    }

    private void look() {
        QuorumPeer peer = peer();
        Leader leader = peer == null || !waits(peer) ? null : peer.leader;
        long now = System.nanoTime();
        if (leader == null || leader != waiting) {
            waiting = leader;
            since = now;
        } else if (TimeUnit.NANOSECONDS.toMillis(now - since) > 2L * peer.getSyncLimit() * peer.getTickTime()) {
            System.err.println("zookeeper: nobody follows this leader, it looks for another one");
            waiting = null;
            peer.interrupt();
        }
    }

    /** Not while it loads its data or writes a snapshot: only in the waits for followers to say what they have. */
    private static boolean waits(QuorumPeer peer) {
        if (peer.getPeerState() != QuorumPeer.ServerState.LEADING
                || peer.getZabState() != QuorumPeer.ZabState.DISCOVERY) {
            return false;
        }
        for (StackTraceElement frame : peer.getStackTrace()) {
            if (frame.getMethodName().equals("getEpochToPropose") || frame.getMethodName().equals("waitForEpochAck")) {
                return true;
            }
        }
        return false;
    }

    /** The member's main thread; null while there is none, as in a standalone server. */
    private static QuorumPeer peer() {
        Thread[] found = new Thread[2 * activeCount() + 10];
        int count = enumerate(found);
        for (int at = 0; at < count; at++) {
            if (found[at] instanceof QuorumPeer peer) {
                return peer;
            }
        }
        return null;
    }
}
