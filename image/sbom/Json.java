import java.util.Collection;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes maps, collections, numbers and strings as JSON, in the order they come. */
final class Json {
    private Json() {
    }

    static String write(Object value) {
        return write(value, "\n") + "\n";
    }

    private static String write(Object value, String line) {
        String inner = line + " ";
        return switch (value) {
            case Map<?, ?> map -> map.entrySet().stream()
                    .map(entry -> inner + quote(entry.getKey().toString()) + ": " + write(entry.getValue(), inner))
                    .collect(Collectors.joining(",", "{", line + "}"));
            case Collection<?> list -> list.stream()
                    .map(item -> inner + write(item, inner))
                    .collect(Collectors.joining(",", "[", line + "]"));
            case Number number -> number.toString();
            default -> quote(value.toString());
        };
    }

    private static String quote(String text) {
        return text.chars()
                .mapToObj(c -> c == '"' || c == '\\' ? "\\" + (char) c
                        : c < 0x20 || c > 0x7e ? String.format("\\u%04x", c) : String.valueOf((char) c))
                .collect(Collectors.joining("", "\"", "\""));
    }
}
