package zkops;

import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.zookeeper.jmx.ZKMBeanInfo;
import org.apache.zookeeper.server.DataTreeBean;
import org.apache.zookeeper.server.quorum.LocalPeerBean;
import org.apache.zookeeper.server.quorum.QuorumPeer;
import org.apache.zookeeper.server.quorum.QuorumPeer.LearnerType;
import org.apache.zookeeper.server.quorum.QuorumPeer.QuorumServer;

/** Who belongs to the ensemble, as this member knows it, and how far it is itself; nothing of a standalone server. */
final class Member {

    /** A zxid is the epoch and, in as many bits, the transaction's number in it. */
    private static final long COUNTER = 0xffffffffL;

    private final State state;
    /** Of the thread that starts the server: scrapes are answered by virtual threads, which see no others. */
    private final ThreadGroup threads = Thread.currentThread().getThreadGroup();

    Member(State state) {
        this.state = state;
    }

    void write(Text text, Set<ZKMBeanInfo> beans) {
        QuorumPeer peer = Unfollowed.peer(threads);
        boolean serving = state.sentence().startsWith("ready");
        if (text.begin("zookeeper_serving", "gauge")) {
            for (ZKMBeanInfo bean : beans) {
                if (bean instanceof LocalPeerBean) {
                    text.sample("", serving ? 1 : 0, "member", id(bean));
                }
            }
        }
        if (text.begin("zookeeper_member_info", "gauge") && peer != null) {
            members(text, peer.getQuorumVerifier().getAllMembers());
        }
        if (text.begin("zookeeper_epoch", "gauge") && peer != null && serving) {
            epoch(text, peer);
        }
        if (text.begin("zookeeper_last_zxid", "gauge")) {
            lastZxid(text, beans);
        }
    }

    private static void members(Text text, Map<Long, QuorumServer> members) {
        new TreeMap<>(members).forEach((id, server) -> text.sample("", 1, "member", Long.toString(id),
                "role", server.type == LearnerType.PARTICIPANT ? "participant" : "observer",
                "address", server.addr.isEmpty() ? "" : server.addr.getOne().getHostString()));
    }

    /** ZooKeeper tells the id by no method that all releases have; the bean's name is `replica.ID`. */
    private static String id(ZKMBeanInfo bean) {
        return bean.getName().substring(bean.getName().indexOf('.') + 1);
    }

    private static void epoch(Text text, QuorumPeer peer) {
        try {
            text.sample("", peer.getCurrentEpoch());
        } catch (IOException e) {
            // Its file is gone; the server ends of that by itself.
        }
    }

    /** Exact as a double up to epoch two million. A new leader begins an epoch with a zxid that is no transaction's. */
    private static void lastZxid(Text text, Set<ZKMBeanInfo> beans) {
        for (ZKMBeanInfo bean : beans) {
            if (bean instanceof DataTreeBean tree) {
                long zxid = Long.parseUnsignedLong(tree.getLastZxid().substring("0x".length()), 16);
                if ((zxid & COUNTER) != 0) {
                    text.sample("", zxid);
                }
            }
        }
    }
}
