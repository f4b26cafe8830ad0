package zkops;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.zookeeper.jmx.ZKMBeanInfo;
import org.apache.zookeeper.server.ConnectionBean;
import org.apache.zookeeper.server.ZooKeeperServerBean;

/** How near clients are to `maxClientCnxns`, the connections that one address may have to this server. */
final class Clients {

    private Clients() {
    }

    static void write(Text text, Set<ZKMBeanInfo> beans) {
        if (text.begin("zookeeper_max_client_cnxns", "gauge")) {
            for (ZKMBeanInfo bean : beans) {
                // The beans of all kinds of server; 0 allows any number.
                if (bean instanceof ZooKeeperServerBean server) {
                    text.sample("", Math.max(0, server.getMaxClientCnxnsPerHost()));
                    break;
                }
            }
        }
        if (text.begin("zookeeper_busiest_client_cnxns", "gauge")) {
            text.sample("", busiest(beans));
        }
    }

    /** Connections of the address that has the most; those that have opened a session, as only they have a bean. */
    private static int busiest(Set<ZKMBeanInfo> beans) {
        Map<String, Integer> counts = new HashMap<>();
        int most = 0;
        for (ZKMBeanInfo bean : beans) {
            String source = bean instanceof ConnectionBean connection ? connection.getSourceIP() : null;
            if (source != null) {
                String address = source.substring(0, source.lastIndexOf(':'));
                most = Math.max(most, counts.merge(address, 1, Integer::sum));
            }
        }
        return most;
    }
}
