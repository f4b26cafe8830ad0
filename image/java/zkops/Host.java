package zkops;

import java.io.File;
import java.util.Set;
import org.apache.zookeeper.jmx.MBeanRegistry;
import org.apache.zookeeper.jmx.ZKMBeanInfo;
import org.apache.zookeeper.version.Info;

/** What ZooKeeper has no metric for: role and membership, configuration, certificates, disks, age of the newest snapshot. */
final class Host {

    private static final String VERSION = Info.MAJOR + "." + Info.MINOR + "." + Info.MICRO;

    private final State state;
    /** The directories as the start script tells them; without the first nothing is said of disks. */
    private final String dataDir = System.getProperty("zkops.dataDir");
    private final String dataLogDir = System.getProperty("zkops.dataLogDir");
    private final Member member;
    /** Both null until the first scrape, to keep files out of the start. */
    private Configuration configuration;
    private Certificates certificates;

    Host(State state) {
        this.state = state;
        this.member = new Member(state);
    }

    void write(Text text) {
        if (text.begin("zookeeper_server_info", "gauge")) {
            text.sample("", 1, "version", VERSION, "state", state.word());
        }
        prepare();
        Set<ZKMBeanInfo> beans = MBeanRegistry.getInstance().getRegisteredBeans();
        member.write(text, beans);
        Clients.write(text, beans);
        configuration.write(text);
        certificates.write(text);
        disks(text);
    }

    private synchronized void prepare() {
        if (configuration == null) {
            configuration = new Configuration();
            certificates = new Certificates(configuration);
        }
    }

    private void disks(Text text) {
        if (dataDir == null) {
            return;
        }
        if (text.begin("zookeeper_disk_free_bytes", "gauge")) {
            disk(text, dataDir, "data", true);
            disk(text, dataLogDir, "log", true);
        }
        if (text.begin("zookeeper_disk_size_bytes", "gauge")) {
            disk(text, dataDir, "data", false);
            disk(text, dataLogDir, "log", false);
        }
        if (text.begin("zookeeper_snapshot_age_seconds", "gauge")) {
            long newest = newestSnapshot(new File(dataDir, "version-2"));
            if (newest > 0) {
                text.sample("", Math.max(0, System.currentTimeMillis() - newest) / 1e3);
            }
        }
    }

    private static void disk(Text text, String directory, String name, boolean free) {
        File disk = directory == null ? null : new File(directory);
        if (disk != null && disk.getTotalSpace() > 0) {
            text.sample("", free ? disk.getUsableSpace() : disk.getTotalSpace(), "dir", name);
        }
    }

    /** When the newest snapshot was written, in ms since 1970; 0 when there is none. */
    private static long newestSnapshot(File directory) {
        long newest = 0;
        String[] names = directory.list();
        for (int at = 0; names != null && at < names.length; at++) {
            if (names[at].startsWith("snapshot.")) {
                newest = Math.max(newest, new File(directory, names[at]).lastModified());
            }
        }
        return newest;
    }
}
