package zkops;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.apache.zookeeper.common.X509Util;

/** When the certificates run out that this server shows to clients and to other members. */
final class Certificates {

    private final Configuration configuration;
    /** What was read last of each key store. */
    private final Map<String, Known> known = new HashMap<>();

    Certificates(Configuration configuration) {
        this.configuration = configuration;
    }

    /** When the first certificate of a file runs out, in ms since 1970, and when that file was written. */
    private record Known(long expiry, long written) {
    }

    synchronized void write(Text text) {
        if (text.begin("zookeeper_certificate_expiry_timestamp_seconds", "gauge")) {
            one(text, "client", "zookeeper.ssl.", configuration.isOn("client.certReload"));
            one(text, "quorum", "zookeeper.ssl.quorum.", configuration.isOn("sslQuorumReloadCertFiles"));
        }
    }

    /** A server that is not to reload its key store goes on with what it read, whatever is in the file by now. */
    private void one(Text text, String use, String prefix, boolean reloads) {
        String location = System.getProperty(prefix + "keyStore.location", "");
        if (location.isEmpty()) {
            return;
        }
        long written = new File(location).lastModified();
        Known last = known.get(use);
        if (last == null || last.expiry == 0 || reloads && last.written != written) {
            last = new Known(expiry(location, prefix), written);
            known.put(use, last);
        }
        if (last.expiry > 0) {
            text.sample("", last.expiry / 1000, "use", use);
        }
    }

    /** Of the key's certificate and those that it is signed by; 0 where the store cannot be read. */
    private static long expiry(String location, String prefix) {
        long first = Long.MAX_VALUE;
        try {
            KeyStore store = X509Util.loadKeyStore(location, password(prefix), System.getProperty(prefix + "keyStore.type"));
            for (String alias : Collections.list(store.aliases())) {
                Certificate[] chain = store.getCertificateChain(alias);
                for (Certificate certificate : chain == null ? new Certificate[0] : chain) {
                    if (certificate instanceof X509Certificate dated) {
                        first = Math.min(first, dated.getNotAfter().getTime());
                    }
                }
            }
        } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
            // The server says itself in the log what is wrong with it.
            return 0;
        }
        return first == Long.MAX_VALUE ? 0 : first;
    }

    private static String password(String prefix) throws IOException {
        String file = System.getProperty(prefix + "keyStore.passwordPath", "");
        return file.isEmpty() ? System.getProperty(prefix + "keyStore.password", "") : Files.readString(Path.of(file)).strip();
    }
}
