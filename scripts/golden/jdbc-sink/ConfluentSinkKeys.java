import io.confluent.connect.jdbc.sink.JdbcSinkConfig;
import java.util.TreeMap;
import org.apache.kafka.common.config.ConfigDef;

/** Prints every key of Confluent's JDBC sink, with type, default and allowed values, a line each, tabs between. */
public class ConfluentSinkKeys {

    public static void main(String[] args) {
        for (var key : new TreeMap<>(JdbcSinkConfig.CONFIG_DEF.configKeys()).values()) {
            var allowed = listOf(key.validator);
            if (allowed.equals("[]")) {
                allowed = listOf(key.recommender);
            }
            System.out.println(String.join("\t", key.name, String.valueOf(key.type), defaultOf(key), allowed));
        }
    }

    private static String defaultOf(ConfigDef.ConfigKey key) {
        if (!key.hasDefault()) {
            return "null";
        }
        if (key.defaultValue instanceof Class<?> type) {
            return type.getName();
        }
        return key.defaultValue instanceof java.util.List<?> list ? String.join(",", list.toArray(String[]::new)) : String.valueOf(key.defaultValue);
    }

    /** Who allows a list of words prints it; a range is one with dots. */
    private static String listOf(Object judge) {
        var text = String.valueOf(judge);
        return text.startsWith("[") && !text.contains("...") ? text : "[]";
    }
}
