package zkops;

import java.util.HashSet;
import java.util.Set;
import org.apache.zookeeper.server.quorum.Leader;
import org.apache.zookeeper.server.quorum.LearnerHandler;
import org.apache.zookeeper.server.quorum.QuorumPeer;

/**
 * Lets a leader that nobody follows look for a leader again.
 *
 * <p>A new leader waits for a quorum of followers for as long as they may take to load their data (initLimit), even when
 * none is connected: because the members elected two leaders and went to the other one, or because a follower died
 * while it was brought up to date. It gives up sooner only when it hears a voter look anew in the first phase
 * (`Leader.reportLookingSid`). Two such leaders of three members keep all from serving, the third cannot elect anybody.
 *
 * <p>Whoever elected it stops trying to connect after `connectToLearnerMasterLimit`, so that after twice as long nobody
 * will come. The interrupt ends the waits that their own timeout ends. While a quorum is connected, it waits as ever.
 */
final class Unfollowed extends Thread {

    private static final long POLL_MILLIS = 300;
    private static final Set<String> WAITS = Set.of("getEpochToPropose", "waitForEpochAck", "waitForNewLeaderAck");

    private Leader alone;
    private long looks;

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
        QuorumPeer peer = peer(getThreadGroup());
        Leader leader = peer == null ? null : peer.leader;
        if (leader == null || !waits(peer) || followed(leader, peer)) {
            alone = null;
            return;
        }
        if (leader != alone) {
            alone = leader;
            looks = 0;
        }
        // Looks are counted, not time: after a pause of the whole process nobody has had the time to connect.
        if (++looks * POLL_MILLIS > patience(peer)) {
            System.err.println("zookeeper: nobody follows this leader, it looks for another one");
            alone = null;
            peer.interrupt();
        }
    }

    /** In milliseconds: twice as long as whoever elected it tries to connect (`Learner.connectToLeader`). */
    private static long patience(QuorumPeer peer) {
        return 2L * Math.max(peer.getSyncLimit(), peer.getConnectToLearnerMasterLimit()) * peer.getTickTime();
    }

    /** Not while it loads its data or writes a snapshot, nor while it serves: only in its waits for followers. */
    private static boolean waits(QuorumPeer peer) {
        if (peer.getPeerState() != QuorumPeer.ServerState.LEADING
                || peer.getZabState() == QuorumPeer.ZabState.BROADCAST) {
            return false;
        }
        for (StackTraceElement frame : peer.getStackTrace()) {
            if (WAITS.contains(frame.getMethodName())) {
                return true;
            }
        }
        return false;
    }

    /** Whether those connected are a quorum together with this member, wherever they are with their data. */
    private static boolean followed(Leader leader, QuorumPeer peer) {
        Set<Long> connected = new HashSet<>();
        connected.add(peer.getMyId());
        for (LearnerHandler learner : leader.getLearners()) {
            connected.add((Long) learner.getLearnerHandlerInfo().get("sid"));
        }
        connected.retainAll(peer.getQuorumVerifier().getVotingMembers().keySet()); // what counts them looks no closer
        return peer.getQuorumVerifier().containsQuorum(connected);
    }

    /** The member's main thread; null while there is none, as in a standalone server. */
    static QuorumPeer peer(ThreadGroup group) {
        Thread[] found = new Thread[2 * group.activeCount() + 10];
        int count = group.enumerate(found);
        for (int at = 0; at < count; at++) {
            if (found[at] instanceof QuorumPeer peer) {
                return peer;
            }
        }
        return null;
    }
}
