import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Writes the image's bill of materials (CycloneDX 1.6): every Debian package, jar, Java module and file in it.
 *   java Sbom.java ROOT LOCK [RELEASE.tar.gz] JAR…   ROOT: the image; JAR: those merged into one; RELEASE: Apache's
 * The same image gives the same bill: there is no time in it, and its number is made from its content.
 */
final class Sbom {
    private static final String APP = "opt/zookeeper/";
    private static final String BILL = APP + "sbom.cdx.json";
    private static final String MERGED = APP + "zookeeper.jar";
    private static final String RUNTIME = APP + "jre/";

    private final Path root;
    private final Path archive;
    private final Map<String, Debian> packages;
    private final List<Jar> jars;
    private final Map<String, String> release = properties(Path.of("/usr/lib/os-release"));
    private final Map<String, Debian> owners = new TreeMap<>();
    private final List<Map<String, Object>> components = new ArrayList<>();
    private final Map<String, Collection<String>> needs = new LinkedHashMap<>();

    private Sbom(Path root, List<Debian> locked, Path archive, List<Jar> jars) {
        this.root = root;
        this.archive = archive;
        this.jars = jars;
        packages = locked.stream().collect(Collectors.toMap(Debian::name, Function.identity(), (a, b) -> a, TreeMap::new));
        packages.values().stream().filter(one -> !one.absent())
                .forEach(one -> one.files().forEach(file -> owners.put(file, one)));
    }

    public static void main(String[] args) throws IOException {
        List<Path> rest = Stream.of(args).skip(2).map(Path::of).toList();
        Map<Boolean, List<Path>> kinds = rest.stream().collect(Collectors.partitioningBy(f -> f.toString().endsWith(".jar")));
        List<Jar> jars = new ArrayList<>();
        for (Path file : kinds.get(true)) {
            jars.add(Jar.read(file));
        }
        Path archive = kinds.get(false).isEmpty() ? null : kinds.get(false).getFirst();
        Path root = Path.of(args[0]);
        Files.writeString(root.resolve(BILL), new Sbom(root, Debian.locked(Path.of(args[1])), archive, jars).bill());
    }

    private String bill() throws IOException {
        Map<String, List<Map<String, Object>>> files = files();
        debian(files);
        runtime(files.remove("runtime"));
        merged();
        release(files.remove("release"));
        components.add(component("application", "zkops", null, "zkops", Map.of("components", files.remove("zkops"))));
        components.add(component("operating-system", release.get("ID"), release.get("VERSION_ID"), "system", Map.of()));
        String version = jars.stream().filter(jar -> jar.name().equals("zookeeper")).findFirst().orElseThrow().version();
        needs.put("image", components.stream().map(one -> one.get("bom-ref").toString()).toList());
        Map<String, Object> bill = new LinkedHashMap<>();
        bill.put("$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json");
        bill.put("bomFormat", "CycloneDX");
        bill.put("specVersion", "1.6");
        bill.put("serialNumber", "");
        bill.put("version", 1);
        bill.put("metadata", Map.of("component", component("container", "zookeeper", version, "image", Map.of())));
        bill.put("components", components);
        bill.put("dependencies", dependencies());
        bill.put("formulation", List.of(Map.of("components", tools())));
        bill.put("serialNumber", "urn:uuid:" + UUID.nameUUIDFromBytes(Json.write(bill).getBytes(StandardCharsets.UTF_8)));
        return Json.write(bill);
    }

    /** Every file of the image, below the name of what it came with: a package, `runtime`, or `zkops`. */
    private Map<String, List<Map<String, Object>>> files() throws IOException {
        Map<String, List<Map<String, Object>>> found = new TreeMap<>();
        try (Stream<Path> walk = Files.walk(root)) {
            for (Path file : walk.filter(path -> Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS))
                    .sorted().toList()) {
                String path = root.relativize(file).toString();
                if (!path.equals(BILL) && !path.equals(MERGED)) {
                    found.computeIfAbsent(origin(path), _ -> new ArrayList<>()).add(file(path, file));
                }
            }
        }
        return found;
    }

    private String origin(String path) {
        Debian owner = owners.get("/" + path);
        boolean upstream = path.endsWith("/libsnappyjava.so") || path.startsWith("usr/share/doc/apache-zookeeper/");
        return owner != null ? owner.name() : path.startsWith(RUNTIME) ? "runtime" : upstream ? "release" : "zkops";
    }

    private static Map<String, Object> file(String path, Path file) {
        return component("file", "/" + path, null, null, Map.of("hashes", hashes("SHA-256", file)));
    }

    private void debian(Map<String, List<Map<String, Object>>> files) {
        for (Debian one : packages.values()) {
            if (one.absent()) {
                continue;
            }
            Map<String, Object> more = new LinkedHashMap<>();
            more.put("hashes", List.of(hash("SHA-256", one.sha256())));
            more.put("licenses", licences(one.licences()));
            more.put("purl", one.purl(release));
            more.put("components", files.getOrDefault(one.name(), List.of()));
            components.add(component("library", one.name(), one.version(), one.purl(release), more));
            needs.put(one.purl(release), refs(one.needs(packages)));
        }
    }

    private void runtime(List<Map<String, Object>> files) {
        Map<String, String> java = properties(root.resolve(RUNTIME + "release"));
        String version = java.get("JAVA_VERSION");
        Stream<Map<String, Object>> modules = Stream.of(java.get("MODULES").split(" ")).sorted()
                .map(name -> component("library", name, version, "module/" + name, Map.of()));
        components.add(component("platform", "openjdk", version, "runtime",
                Map.of("components", Stream.concat(modules, files.stream()).toList())));
        needs.put("runtime", refs(packages.values().stream().filter(one -> one.name().startsWith("openjdk-")).toList()));
    }

    private void merged() {
        Path file = root.resolve(MERGED);
        components.add(component("library", "/" + MERGED, null, "zookeeper.jar", Map.of("hashes", hashes("SHA-256", file))));
        for (Jar jar : jars) {
            String ref = "jar/" + jar.name();
            Debian owner = owners.get(jar.file().toString());
            Map<String, Object> more = new LinkedHashMap<>();
            more.put("hashes", hashes("SHA-256", jar.file()));
            if (owner == null) {
                more.put("licenses", licences(List.of("see /usr/share/doc/apache-zookeeper")));
                // None for Debian's: a scanner would report what Debian has mended without a new version of its own.
                more.put("purl", jar.purl());
            }
            components.add(component("library", jar.name(), jar.version(), ref, more));
            needs.put(ref, List.of(owner == null ? "release" : owner.purl(release)));
        }
        needs.put("zookeeper.jar", jars.stream().map(jar -> "jar/" + jar.name()).toList());
    }

    private void release(List<Map<String, Object>> files) {
        if (archive != null) {
            components.add(component("file", archive.getFileName().toString(), null, "release",
                    Map.of("hashes", hashes("SHA-512", archive), "components", files)));
        }
    }

    private List<Map<String, Object>> tools() {
        return packages.values().stream().filter(Debian::tool)
                .map(one -> component("application", one.name(), one.version(), one.purl(release),
                        Map.of("hashes", List.of(hash("SHA-256", one.sha256())), "purl", one.purl(release))))
                .toList();
    }

    private List<Map<String, Object>> dependencies() {
        return needs.entrySet().stream().map(entry -> {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("ref", entry.getKey());
            one.put("dependsOn", entry.getValue());
            return one;
        }).toList();
    }

    private List<String> refs(List<Debian> some) {
        return some.stream().filter(one -> !one.absent()).map(one -> one.purl(release)).toList();
    }

    private static Map<String, Object> component(String type, String name, String version, String ref, Map<String, ?> more) {
        Map<String, Object> made = new LinkedHashMap<>();
        made.put("type", type);
        if (ref != null) {
            made.put("bom-ref", ref);
        }
        made.put("name", name);
        if (version != null) {
            made.put("version", version);
        }
        made.putAll(new TreeMap<>(more));
        return made;
    }

    private static List<Map<String, Object>> licences(Collection<String> names) {
        return names.stream().map(name -> Map.<String, Object>of("license", Map.of("name", name))).toList();
    }

    private static List<Map<String, String>> hashes(String algorithm, Path file) {
        try {
            byte[] digest = MessageDigest.getInstance(algorithm).digest(Files.readAllBytes(file));
            return List.of(hash(algorithm, HexFormat.of().formatHex(digest)));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }

    private static Map<String, String> hash(String algorithm, String content) {
        return new TreeMap<>(Map.of("alg", algorithm, "content", content));
    }

    private static Map<String, String> properties(Path file) {
        return lines(file).stream().map(line -> line.split("=", 2)).filter(pair -> pair.length == 2)
                .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1].replace("\"", "")));
    }

    static List<String> lines(Path file) {
        try {
            // Not Files.readAllLines: old copyright files are not all in UTF-8.
            return new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** As a part of a package URL: all but its unreserved characters and the colon as %XX. */
    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20").replace("*", "%2A").replace("%7E", "~")
                .replace("%3A", ":");
    }
}
