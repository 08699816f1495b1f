import io.debezium.config.Field;
import io.debezium.connector.jdbc.JdbcSinkConnector;
import java.lang.reflect.Modifier;
import java.util.List;
import java.util.TreeMap;

/** Prints every key of Debezium's JDBC sink, with type, default and allowed values, a line each, tabs between. */
public class SinkKeys {

    /** Besides what the connector declares to Kafka Connect: keys it reads all the same. */
    private static final List<String> CLASSES = List.of(
            "io.debezium.sink.SinkConnectorConfig",
            "io.debezium.connector.jdbc.JdbcSinkConnectorConfig");

    public static void main(String[] args) throws Exception {
        var lines = new TreeMap<String, String>();
        for (var key : new JdbcSinkConnector().config().configKeys().values()) {
            var value = key.defaultValue instanceof Class<?> type ? type.getName() : String.valueOf(key.defaultValue);
            lines.put(key.name, String.join("\t", key.name, String.valueOf(key.type), value, "[]"));
        }
        for (String name : CLASSES) {
            for (var member : Class.forName(name).getDeclaredFields()) {
                if (!Modifier.isStatic(member.getModifiers()) || member.getType() != Field.class) {
                    continue;
                }
                member.setAccessible(true);
                Field field = (Field) member.get(null);
                var allowed = String.valueOf(field.allowedValues());
                lines.put(field.name(), String.join("\t", field.name(), String.valueOf(field.type()), field.defaultValueAsString(), allowed));
            }
        }
        lines.values().forEach(System.out::println);
    }
}
