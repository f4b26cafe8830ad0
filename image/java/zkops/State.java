package zkops;

import org.apache.zookeeper.jmx.MBeanRegistry;
import org.apache.zookeeper.jmx.ZKMBeanInfo;
import org.apache.zookeeper.server.ObserverBean;
import org.apache.zookeeper.server.ZooKeeperServerBean;
import org.apache.zookeeper.server.quorum.FollowerBean;
import org.apache.zookeeper.server.quorum.LeaderBean;
import org.apache.zookeeper.server.quorum.LocalPeerBean;

/**
 * What this server is doing, told from the gauges and the beans that ZooKeeper registers.
 *
 * <p>The gauges say when: every kind of server registers `uptime` just before it begins to serve (a learner after the
 * leader's UPTODATE, a leader after a quorum has acknowledged it) and takes it away when it stops; members of a quorum
 * register `quorum_size` next, a read-only server does not. The beans say as what, and a learner's bean is gone before
 * its gauges are: those stay until its last writes are on the disk, which can take long.
 */
final class State {

    private final Metrics metrics;
    private volatile boolean hasServed;

    State(Metrics metrics) {
        this.metrics = metrics;
    }

    /** One line for whoever asks, beginning with `ready: ` or `not ready: `. */
    String sentence() {
        String role = role();
        return role == null ? "not ready: " + reason() : "ready: " + role;
    }

    /** One word: the role while serving, else read-only, looking (for a leader, or joining it), starting or stopping. */
    String word() {
        String role = role();
        if (role != null) {
            return role;
        }
        String peer = peer();
        if (peer == null) {
            return hasServed ? "stopping" : "starting";
        }
        return readOnly(peer) ? "read-only" : "looking";
    }

    /** What it serves as: in a quorum, or standalone; null when it does neither. */
    private String role() {
        String role = null;
        boolean member = false;
        for (ZKMBeanInfo bean : MBeanRegistry.getInstance().getRegisteredBeans()) {
            member |= bean instanceof LocalPeerBean;
            String found = role(bean);
            role = found == null ? role : found;
        }
        // After the beans: whoever leaves while this looks has taken its gauges away.
        if (role == null || !metrics.hasGauge(member ? "quorum_size" : "uptime")) {
            return null;
        }
        hasServed = true;
        return role;
    }

    private static String role(ZKMBeanInfo bean) {
        if (bean instanceof LeaderBean) {
            return "leader";
        }
        if (bean instanceof FollowerBean) {
            return "follower";
        }
        if (bean instanceof ObserverBean) {
            return "observer";
        }
        // Exactly this class: the beans of all other kinds of server extend it.
        return bean.getClass() == ZooKeeperServerBean.class ? "standalone" : null;
    }

    private String reason() {
        String peer = peer();
        if (peer == null) {
            return hasServed ? "stopping" : "starting";
        }
        if (readOnly(peer)) {
            return "read-only, there is no quorum";
        }
        return switch (peer) {
            case "leading" -> "elected leader, without a quorum of followers";
            case "following", "observing" -> "not in sync with the leader";
            default -> "looking for a leader";
        };
    }

    private boolean readOnly(String peer) {
        return peer.equals("leaderelection") && metrics.hasGauge("uptime");
    }

    /** ZooKeeper's word for the state of the ensemble's member in this process; null while there is none. */
    private static String peer() {
        for (ZKMBeanInfo bean : MBeanRegistry.getInstance().getRegisteredBeans()) {
            if (bean instanceof LocalPeerBean peer) {
                return peer.getState();
            }
        }
        return null;
    }
}
