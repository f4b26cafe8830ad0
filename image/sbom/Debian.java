import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** A Debian package as the lock names it and as its own control file and copyright file describe it. */
record Debian(String suite, String name, String version, String architecture, String sha256, boolean tool,
        Map<String, String> control) {

    /** The packages of the lock that this machine's image is made with. */
    static List<Debian> locked(Path lock) throws IOException {
        String own = control("libc6").get("Architecture");
        try (Stream<String> lines = Files.lines(lock)) {
            return lines.map(line -> line.replaceAll("#.*", "").strip().split("\\s+"))
                    .filter(fields -> fields.length >= 5 && Set.of("all", own).contains(fields[3]))
                    .map(f -> new Debian(f[0], f[1], f[2], f[3], f[4], f.length > 5, control(f[1])))
                    .toList();
        }
    }

    /** Fields of the control file; it is kept of those packages only of which something is in the image. */
    private static Map<String, String> control(String name) {
        Path file = Path.of("/var/lib/dpkg/status.d", name);
        Map<String, String> fields = new HashMap<>();
        if (Files.exists(file)) {
            for (String line : Sbom.lines(file)) {
                String[] field = line.split(": *", 2);
                if (!line.startsWith(" ") && field.length == 2) {
                    fields.put(field[0], field[1]);
                }
            }
        }
        return fields;
    }

    /** Whether nothing of it ends in the image. */
    boolean absent() {
        return control.isEmpty();
    }

    /** Paths of all that the package brings, from the root on. */
    List<String> files() {
        return Sbom.lines(Path.of("/var/lib/dpkg/info", name + ".list"));
    }

    /** Names of the licences, as a machine-readable copyright file gives them. */
    Set<String> licences() {
        String file = "/usr/share/doc/" + name + "/copyright";
        List<String> lines = Sbom.lines(Path.of(file));
        Set<String> names = new TreeSet<>();
        if (lines.getFirst().startsWith("Format:")) {
            lines.stream().filter(line -> line.startsWith("License:"))
                    .map(line -> line.substring("License:".length()).strip())
                    .filter(licence -> !licence.isEmpty()).forEach(names::add);
        }
        return names.isEmpty() ? Set.of("see " + file) : names;
    }

    /** Those of the packages *known* by name that this one says it needs. */
    List<Debian> needs(Map<String, Debian> known) {
        String[] names = control.getOrDefault("Depends", "").split("[,|]");
        return Stream.of(names).map(text -> text.strip().split("[ :(]")[0]).distinct()
                .filter(known::containsKey).map(known::get).toList();
    }

    /** The package's address; *release* is what os-release says of the suite that most are from. */
    String purl(Map<String, String> release) {
        boolean stable = suite.equals(release.get("VERSION_CODENAME"));
        String distro = stable ? "debian-" + release.get("VERSION_ID") : suite;
        // Debian's security tracker knows source packages only.
        String source = control.getOrDefault("Source", "").replaceAll(" \\((.*)\\)", "@$1");
        return "pkg:deb/debian/" + Sbom.encoded(name) + "@" + Sbom.encoded(version) + "?arch=" + architecture + "&distro="
                + distro + (source.isEmpty() ? "" : "&upstream=" + Sbom.encoded(source));
    }
}
