import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;

/** A jar and who it is: by Maven's own file in it, else by its manifest, else by its name. */
record Jar(Path file, String group, String name, String version) {
    private static final Pattern NAMED = Pattern.compile("(.+?)(?:-(\\d.*))?\\.jar");

    static Jar read(Path file) throws IOException {
        Path real = file.toRealPath();
        Matcher named = NAMED.matcher(real.getFileName().toString());
        if (!named.matches()) {
            throw new IOException(real + " is no jar");
        }
        try (JarFile jar = new JarFile(real.toFile())) {
            List<ZipEntry> maven = jar.stream().filter(entry -> entry.getName().matches("META-INF/maven/.*/pom.properties"))
                    .map(ZipEntry.class::cast).toList();
            // More than one where others' classes were taken into the jar.
            Optional<ZipEntry> own = maven.stream().filter(entry -> maven.size() == 1
                    || entry.getName().endsWith("/" + named.group(1) + "/pom.properties")).findFirst();
            if (own.isPresent()) {
                Properties who = new Properties();
                who.load(jar.getInputStream(own.get()));
                return new Jar(real, who.getProperty("groupId"), who.getProperty("artifactId"), who.getProperty("version"));
            }
            return byManifest(real, named.group(1), named.group(2), jar.getManifest());
        }
    }

    private static Jar byManifest(Path file, String name, String version, Manifest manifest) {
        Attributes main = manifest == null ? new Attributes() : manifest.getMainAttributes();
        String bundle = main.getOrDefault(new Attributes.Name("Bundle-SymbolicName"), "").toString().replaceAll(";.*", "");
        String group = bundle.endsWith("." + name) ? bundle.substring(0, bundle.length() - name.length() - 1) : "";
        for (String key : List.of("Implementation-Version", "Bundle-Version")) {
            version = version == null ? main.getValue(key) : version;
        }
        return new Jar(file, group, name, version == null ? "unknown" : version);
    }

    String purl() {
        String in = group.isEmpty() ? "" : Sbom.encoded(group) + "/";
        return "pkg:maven/" + in + Sbom.encoded(name) + "@" + Sbom.encoded(version);
    }
}
